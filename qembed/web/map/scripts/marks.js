/* Marks above the points: names of groups, hits with their ranks, queries, what is pointed at. */
const FONT = "600 13px system-ui, sans-serif";
const LONGEST_NAME = 40;

const drawMarks = plot => {
  const {above, ratio, width, height, map} = plot, pen = above.getContext("2d");
  const ink = themeValue("--ink"), paper = themeValue("--paper"), main = themeValue("--main"), bad = themeValue("--bad");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.font = FONT;
  pen.lineJoin = "round";
  const at = i => [plot.across(map.x[i]), plot.down(map.y[i])];
  const ring = (i, radius, style, line = 2) => {
    const [x, y] = at(i);
    for (const [color, thick] of [[paper, line + 2], [style, line]]) {
      pen.beginPath();
      pen.arc(x, y, radius, 0, 2 * Math.PI);
      pen.lineWidth = thick;
      pen.strokeStyle = color;
      pen.stroke();
    }
  };
  const written = (text, x, y, style) => {
    pen.lineWidth = 4;
    pen.strokeStyle = paper;
    pen.strokeText(text, x, y);
    pen.fillStyle = style;
    pen.fillText(text, x, y);
  };
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  const taken = [];
  for (const query of plot.queries) {
    const x = plot.across(query.x), y = plot.down(query.y), r = 9;
    const half = pen.measureText(shortened(query.query, LONGEST_NAME)).width / 2;
    taken.push([x - 14, y - 14, x + 14, y + 14], [x - half, y + 10, x + half, y + 30]);
    pen.strokeStyle = bad;
    pen.lineWidth = 1;
    pen.globalAlpha = 0.5;
    for (const hit of query.hits ?? []) {
      pen.beginPath();
      pen.moveTo(x, y);
      pen.lineTo(...at(hit.point));
      pen.stroke();
    }
    pen.globalAlpha = 1;
    pen.beginPath();
    for (let n = 0; n < 10; n++) {
      const turn = (n * Math.PI) / 5 - Math.PI / 2, reach = n % 2 ? r * 0.45 : r;
      pen.lineTo(x + reach * Math.cos(turn), y + reach * Math.sin(turn));
    }
    pen.closePath();
    pen.lineWidth = 4;
    pen.strokeStyle = paper;
    pen.stroke();
    pen.fillStyle = bad;
    pen.fill();
  }
  for (const hit of plot.hits) {
    const [x, y] = at(hit.point);
    taken.push([x - 8, y - 18, x + 24, y + 8]);
    ring(hit.point, 7, bad);
  }
  if (plot.names) drawNames(plot, pen, written, ink, taken);
  const ranks = new Map();
  for (const {point, rank} of plot.hits) if (!ranks.has(point)) ranks.set(point, rank);
  for (const [point, rank] of ranks) {
    const [x, y] = at(point);
    written(String(rank), x + 13, y - 9, bad);
  }
  for (const query of plot.queries) written(shortened(query.query, LONGEST_NAME), plot.across(query.x), plot.down(query.y) + 20, bad);
  if (plot.pointed >= 0) ring(plot.pointed, 8, main, 2.5);
  if (plot.aimed) {
    const x = width / 2, y = height / 2;
    pen.strokeStyle = ink;
    pen.lineWidth = 1.5;
    pen.beginPath();
    for (const [a, b, c, d] of [[-12, 0, -4, 0], [4, 0, 12, 0], [0, -12, 0, -4], [0, 4, 0, 12]]) {
      pen.moveTo(x + a, y + b);
      pen.lineTo(x + c, y + d);
    }
    pen.stroke();
  }
};

/* Names, of the largest groups first; one that would cover another is left out until there is room. */
const drawNames = (plot, pen, written, ink, taken) => {
  const {map, color, off, width, height} = plot;
  map.groups.forEach((group, n) => {
    if (!group.words.length || (color.name === "cluster" && off.has(n))) return;
    const text = shortened(group.words.slice(0, width < 500 ? 2 : 3).join(", "), LONGEST_NAME), half = pen.measureText(text).width / 2 + LABEL_GAP;
    const x = Math.max(half, Math.min(width - half, plot.across(group.x))), y = plot.down(group.y);
    if (plot.across(group.x) < -half || plot.across(group.x) > width + half || y < 10 || y > height - 10) return;
    const box = [x - half, y - 10, x + half, y + 10];
    if (taken.some(t => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) return;
    taken.push(box);
    written(text, x, y, ink);
  });
};
