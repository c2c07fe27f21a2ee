/**
 * Shares one request among everybody who asks for the same thing while it
 * is still under way. Nothing is kept once the answer has arrived.
 */
export class Inflight<T> {
  private running = new Map<string, Promise<T>>();

  constructor(private readonly fetcher: (key: string, signal: AbortSignal) => Promise<T>) {}

  get(key: string, timeoutMs = 10_000): Promise<T> {
    const existing = this.running.get(key);
    if (existing) return existing;

    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), timeoutMs);
    const promise = this.fetcher(key, controller.signal).finally(() => {
      clearTimeout(timer);
      this.running.delete(key);
    });
    this.running.set(key, promise);
    return promise;
  }

  get size(): number {
    return this.running.size;
  }
}
