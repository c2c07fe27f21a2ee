export class RecentMap<K, V> {
  private entries = new Map<K, V>();

  constructor(
    private readonly capacity: number,
    private readonly onDrop: (key: K, value: V) => void = () => {},
  ) {
    if (capacity < 1) throw new RangeError("capacity");
  }

  get(key: K): V | undefined {
    const value = this.entries.get(key);
    if (value === undefined) return undefined;
    this.entries.delete(key);
    this.entries.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.capacity) {
      const [oldest, dropped] = this.entries.entries().next().value as [K, V];
      this.entries.delete(oldest);
      this.onDrop(oldest, dropped);
    }
  }

  has(key: K): boolean {
    return this.entries.has(key);
  }

  get size(): number {
    return this.entries.size;
  }
}
