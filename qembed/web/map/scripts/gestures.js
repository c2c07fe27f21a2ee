/* Gestures on a plot: drag and wheel, two fingers, keys. A click or a tap opens what is pointed at. */
const CLICK_PX = 6, WHEEL = 0.0016, KEY_PAN = 60, KEY_ZOOM = 1.35;

const addGestures = plot => {
  const {holder} = plot, down = new Map();
  let moved = 0, apart = 0;
  const placeOfEvent = event => {
    const box = holder.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const spread = () => {
    const [[ax, ay], [bx, by]] = [...down.values()];
    return [Math.hypot(ax - bx, ay - by), (ax + bx) / 2, (ay + by) / 2];
  };
  holder.addEventListener("pointerdown", event => {
    if (event.button !== 0) return;
    if (!down.size) moved = 0;
    down.set(event.pointerId, placeOfEvent(event));
    if (event.isTrusted) holder.setPointerCapture(event.pointerId);
    if (down.size === 2) [apart] = spread();
  });
  holder.addEventListener("pointermove", event => {
    const place = placeOfEvent(event), before = down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") plot.point(plot.near(...place));
      return;
    }
    const dx = place[0] - before[0], dy = place[1] - before[1];
    moved += Math.abs(dx) + Math.abs(dy);
    down.set(event.pointerId, place);
    if (down.size === 2) {
      const [now, x, y] = spread();
      plot.pan(dx / 2, dy / 2);
      if (apart > 0) plot.zoom(now / apart, x, y);
      apart = now;
    } else if (down.size === 1 && moved > CLICK_PX) {
      holder.classList.add("moving");
      plot.pan(dx, dy);
    }
  });
  const up = event => {
    const place = down.get(event.pointerId);
    if (!down.delete(event.pointerId)) return;
    holder.classList.remove("moving");
    if (event.type !== "pointerup" || down.size || moved > CLICK_PX) return;
    const i = plot.near(...place, event.pointerType === "touch" ? 24 : NEAR_PX);
    plot.point(i);
    if (i >= 0) plot.open(i);
  };
  holder.addEventListener("pointerup", up);
  holder.addEventListener("pointercancel", up);
  holder.addEventListener("pointerleave", () => { if (!down.size && !plot.aimed) plot.point(-1); });
  holder.addEventListener("wheel", event => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    plot.zoom(Math.exp(-event.deltaY * lines * WHEEL), ...placeOfEvent(event));
  }, {passive: false});
  const aim = () => plot.point(plot.near(plot.width / 2, plot.height / 2, 60));
  holder.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = {ArrowLeft: [KEY_PAN, 0], ArrowRight: [-KEY_PAN, 0], ArrowUp: [0, KEY_PAN], ArrowDown: [0, -KEY_PAN]}[event.key];
    if (step) plot.pan(...step);
    else if (event.key === "+" || event.key === "=") plot.zoom(KEY_ZOOM);
    else if (event.key === "-") plot.zoom(1 / KEY_ZOOM);
    else if (event.key === "0") plot.reset();
    else if (event.key === "Enter" && plot.pointed >= 0) plot.open(plot.pointed);
    else return;
    event.preventDefault();
    event.stopPropagation();
    plot.aimed = true;
    if (event.key !== "Enter") aim();
  });
  holder.addEventListener("focus", () => { if (holder.matches(":focus-visible")) { plot.aimed = true; aim(); plot.redraw(false); } });
  holder.addEventListener("blur", () => { plot.aimed = false; plot.point(-1); plot.redraw(false); });
};
