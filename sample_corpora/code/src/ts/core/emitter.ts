type Handler<P> = (payload: P) => void;

export class Emitter<Events extends Record<string, unknown>> {
  private handlers: { [K in keyof Events]?: Set<Handler<Events[K]>> } = {};

  on<K extends keyof Events>(name: K, handler: Handler<Events[K]>): () => void {
    const set = (this.handlers[name] ??= new Set());
    set.add(handler);
    return () => this.off(name, handler);
  }

  once<K extends keyof Events>(name: K, handler: Handler<Events[K]>): () => void {
    const stop = this.on(name, (payload) => {
      stop();
      handler(payload);
    });
    return stop;
  }

  off<K extends keyof Events>(name: K, handler: Handler<Events[K]>): void {
    this.handlers[name]?.delete(handler);
  }

  emit<K extends keyof Events>(name: K, payload: Events[K]): void {
    // Copy first: a handler may remove itself while we are looping.
    for (const handler of [...(this.handlers[name] ?? [])]) {
      try {
        handler(payload);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
