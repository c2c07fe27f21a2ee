/* Plot: points as pixels of one picture, and above it names, hits, the query and what is pointed at.

   The picture is written pixel by pixel: a hundred thousand points take some milliseconds, where as many calls of
   a drawing function take more than a frame has. */
const MARGIN = 1.12, MOST_ZOOM = 4000, NEAR_PX = 14, LABEL_GAP = 4;

class Plot {
  /* holder: element with two canvases, .points below .marks. shown(i): a point is pointed at, or -1. */
  constructor(holder, {shown = () => {}, open = () => {}} = {}) {
    this.holder = holder;
    this.below = holder.querySelector(".points");
    this.above = holder.querySelector(".marks");
    this.shown = shown;
    this.open = open;
    this.map = null;
    this.off = new Set();
    this.hits = [];
    this.queries = [];
    this.names = true;
    this.pointed = -1;
    this.view = {x: 0, y: 0, zoom: 1};
    new ResizeObserver(() => this.resize()).observe(holder);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolor());
  }

  setMap(map) {
    this.map = map;
    this.grid = gridOf(map);
    this.off = new Set();
    this.hits = [];
    this.queries = [];
    this.pointed = -1;
    this.reset();
  }

  setColor(color) {
    this.color = color;
    this.off = new Set();
    this.recolor();
  }

  recolor() {
    if (!this.color) return;
    this.palette = paletteOf(this.color);
    this.redraw();
  }

  /* hits: [{point, rank}]; queries: [{query, x, y, hits}], x null for one without a place. */
  setMarks(hits, queries) {
    this.hits = hits;
    this.queries = queries.filter(q => q.x !== null);
    this.redraw();
  }

  resize() {
    const ratio = Math.min(2, devicePixelRatio || 1), {width, height} = this.holder.getBoundingClientRect();
    if (!width || !height) return;
    [this.width, this.height, this.ratio] = [Math.round(width), Math.round(height), ratio];
    for (const canvas of [this.below, this.above]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const paint = this.below.getContext("2d");
    this.image = paint.createImageData(this.below.width, this.below.height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.redraw();
  }

  /* Pixels of the page to one unit of the map. */
  get unit() { return (Math.min(this.width, this.height) / (2 * MARGIN)) * this.view.zoom; }
  across(x) { return (x - this.view.x) * this.unit + this.width / 2; }
  down(y) { return (this.view.y - y) * this.unit + this.height / 2; }

  reset() { this.view = {x: 0, y: 0, zoom: 1}; this.redraw(); }

  pan(dx, dy) {
    const limit = value => Math.max(-1.2, Math.min(1.2, value));
    this.view.x = limit(this.view.x - dx / this.unit);
    this.view.y = limit(this.view.y + dy / this.unit);
    this.redraw();
  }

  /* Zoom by a factor; what is at (px, py) stays there. */
  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const before = this.unit, x = this.view.x + (px - this.width / 2) / before, y = this.view.y - (py - this.height / 2) / before;
    this.view.zoom = Math.max(0.6, Math.min(MOST_ZOOM, this.view.zoom * factor));
    this.view.x = x - (px - this.width / 2) / this.unit;
    this.view.y = y + (py - this.height / 2) / this.unit;
    this.redraw();
  }

  goTo(points) {
    const xs = points.map(i => this.map.x[i]), ys = points.map(i => this.map.y[i]);
    const low = [Math.min(...xs), Math.min(...ys)], high = [Math.max(...xs), Math.max(...ys)];
    this.view.x = (low[0] + high[0]) / 2;
    this.view.y = (low[1] + high[1]) / 2;
    this.view.zoom = Math.min(40, Math.max(2, 1.4 / Math.max(high[0] - low[0], high[1] - low[1], 0.001)));
    this.redraw();
  }

  /* Number of the nearest point that is shown, within reach of (px, py); -1 for none. */
  near(px, py, reach = NEAR_PX) {
    if (!this.map || !this.width) return -1;
    const {map, grid} = this, unit = this.unit, x = this.view.x + (px - this.width / 2) / unit, y = this.view.y - (py - this.height / 2) / unit;
    const far = reach / unit, cell = value => Math.max(0, Math.min(GRID - 1, Math.floor(((value + 1) / 2) * GRID)));
    let best = -1, least = far * far;
    for (let row = cell(y - far); row <= cell(y + far); row++)
      for (let column = cell(x - far); column <= cell(x + far); column++) {
        const at = row * GRID + column;
        for (let k = grid.begins[at]; k < grid.begins[at + 1]; k++) {
          const i = grid.points[k], square = (map.x[i] - x) ** 2 + (map.y[i] - y) ** 2;
          if (square < least && !this.off.has(this.color.bytes[i])) { best = i; least = square; }
        }
      }
    return best;
  }

  point(i) {
    if (i === this.pointed) return;
    this.pointed = i;
    this.holder.classList.toggle("over", i >= 0);
    this.shown(i);
    this.redraw(false);
  }

  redraw(points = true) {
    this.stale = this.stale || points;
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      if (!this.map || !this.image || !this.color) return;
      if (this.stale) this.drawPoints();
      this.stale = false;
      drawMarks(this);
    });
  }

  /* Radius of a point in pixels of the screen: less for more of them, more when one looks closer. */
  get radius() {
    const most = Math.max(1, Math.min(3.2, 110 / Math.sqrt(this.map.n)));
    return Math.min(6, most * Math.min(3, this.view.zoom ** 0.35)) * this.ratio;
  }

  drawPoints() {
    const {map, pixels, image, color, off} = this, {width: w, height: h} = image, {x, y, order} = map, {bytes} = color;
    const k = this.unit * this.ratio, left = w / 2 - this.view.x * k, top = h / 2 + this.view.y * k;
    const paint = Uint32Array.from(this.palette, rgb => pixelOf(rgb)), hidden = new Uint8Array(256);
    for (const byte of off) hidden[byte] = 1;
    const {inner, edge, alpha, reach} = discOf(this.radius, w);
    pixels.fill(0);
    for (let n = 0; n < order.length; n++) {
      const i = order[n], byte = bytes[i];
      if (hidden[byte]) continue;
      const px = Math.round(left + x[i] * k), py = Math.round(top - y[i] * k);
      if (px < reach || py < reach || px >= w - reach || py >= h - reach) continue;
      const at = py * w + px, value = paint[byte];
      for (let m = 0; m < inner.length; m++) pixels[at + inner[m]] = value;
      // a border through which paper is seen, unless a point is there already
      for (let m = 0; m < edge.length; m++) if (pixels[at + edge[m]] === 0) pixels[at + edge[m]] = (value & 0xffffff) | alpha[m];
    }
    this.below.getContext("2d").putImageData(image, 0, 0);
  }
}

/* Offsets of the pixels of a disc in rows of `width`: those within, and those on its border with their alpha. */
const discOf = (radius, width) => {
  const reach = Math.ceil(radius), inner = [], edge = [], alpha = [];
  for (let dy = -reach; dy <= reach; dy++)
    for (let dx = -reach; dx <= reach; dx++) {
      const covered = radius + 0.5 - Math.hypot(dx, dy);
      if (covered >= 0.85) inner.push(dy * width + dx);
      else if (covered > 0.1) {
        edge.push(dy * width + dx);
        alpha.push(Math.round(covered * 255) << 24);
      }
    }
  return {inner: Int32Array.from(inner), edge: Int32Array.from(edge), alpha: Int32Array.from(alpha), reach: reach + 1};
};

/* Points by cells of a grid: those of cell c are points[begins[c]] to points[begins[c + 1]]. */
const GRID = 256;
const gridOf = map => {
  const cells = new Uint32Array(map.n), begins = new Uint32Array(GRID * GRID + 1), points = new Uint32Array(map.n);
  const cell = value => Math.min(GRID - 1, Math.floor(((value + 1) / 2) * GRID));
  for (let i = 0; i < map.n; i++) begins[(cells[i] = cell(map.y[i]) * GRID + cell(map.x[i])) + 1]++;
  for (let c = 0; c < GRID * GRID; c++) begins[c + 1] += begins[c];
  const next = begins.slice();
  for (let i = 0; i < map.n; i++) points[next[cells[i]]++] = i;
  return {begins, points};
};
