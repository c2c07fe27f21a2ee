const STEPS: Array<[limit: number, divisor: number, one: string, many: string]> = [
  [60, 1, "second", "seconds"],
  [3600, 60, "minute", "minutes"],
  [86400, 3600, "hour", "hours"],
  [604800, 86400, "day", "days"],
  [2629800, 604800, "week", "weeks"],
  [31557600, 2629800, "month", "months"],
  [Infinity, 31557600, "year", "years"],
];

export function relativeTime(then: Date, now: Date = new Date()): string {
  const seconds = (now.getTime() - then.getTime()) / 1000;
  const size = Math.abs(seconds);
  if (size < 10) return "just now";
  for (const [limit, divisor, one, many] of STEPS) {
    if (size < limit) {
      const count = Math.max(1, Math.round(size / divisor));
      const words = `${count} ${count === 1 ? one : many}`;
      return seconds > 0 ? `${words} ago` : `in ${words}`;
    }
  }
  return then.toISOString();
}

/** Keeps every `<time datetime>` under a root up to date. */
export function keepFresh(root: ParentNode, every = 30_000): () => void {
  const refresh = () => {
    root.querySelectorAll<HTMLTimeElement>("time[datetime]").forEach((node) => {
      node.textContent = relativeTime(new Date(node.dateTime));
    });
  };
  refresh();
  const handle = setInterval(refresh, every);
  return () => clearInterval(handle);
}
