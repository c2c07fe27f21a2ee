type Clock = () => number;

export function throttle<A extends unknown[]>(
  fn: (...args: A) => void,
  interval: number,
  clock: Clock = Date.now,
): (...args: A) => void {
  let last = -Infinity;
  let trailing: ReturnType<typeof setTimeout> | null = null;
  let latest: A;

  return (...args: A) => {
    latest = args;
    const since = clock() - last;
    if (since >= interval) {
      last = clock();
      fn(...latest);
      return;
    }
    if (trailing === null) {
      trailing = setTimeout(() => {
        trailing = null;
        last = clock();
        fn(...latest);
      }, interval - since);
    }
  };
}

export function onScroll(target: EventTarget, handler: () => void): () => void {
  const slow = throttle(handler, 100);
  target.addEventListener("scroll", slow, { passive: true } as AddEventListenerOptions);
  return () => target.removeEventListener("scroll", slow);
}
