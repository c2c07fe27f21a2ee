type Listener = (data: string) => void;

/** A WebSocket that comes back by itself after the connection drops. */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private outbox: string[] = [];
  private tries = 0;
  private stopped = false;
  private listeners = new Set<Listener>();

  constructor(private readonly url: string, private readonly maxDelay = 15_000) {
    this.open();
  }

  send(message: string): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(message);
    else this.outbox.push(message);
  }

  onMessage(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  close(): void {
    this.stopped = true;
    this.socket?.close();
  }

  private open(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      const queued = this.outbox;
      this.outbox = [];
      queued.forEach((message) => socket.send(message));
    };
    socket.onmessage = (event) => {
      this.listeners.forEach((listener) => listener(String(event.data)));
    };
    socket.onclose = () => {
      if (this.stopped) return;
      const delay = Math.min(this.maxDelay, 500 * 2 ** this.tries);
      this.tries += 1;
      setTimeout(() => this.open(), delay * (0.75 + Math.random() / 2));
    };
  }
}
