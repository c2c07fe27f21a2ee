/* A map's data: arrays out of the base64 of its JSON. Coordinates run from -1 to 1, up and to the right. */
const bytesOf = text => {
  const binary = atob(text), bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
};

const NO_VALUE = 255, STEPS = 254, REACH = 65535, DAY_MS = 86_400_000;

const decodeMap = body => {
  const n = body.points, steps = new Uint16Array(bytesOf(body.xy).buffer);
  const x = new Float32Array(n), y = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    x[i] = (steps[2 * i] / REACH) * 2 - 1;
    y[i] = (steps[2 * i + 1] / REACH) * 2 - 1;
  }
  const path = new Int32Array(bytesOf(body.path).buffer);
  const passages = body.passages === null ? null : new Int32Array(bytesOf(body.passages).buffer);
  const colors = body.colors.map(c => ({...c, bytes: bytesOf(c.bytes)}));
  // drawn in this order, groups mix: else the last ones would hide the others
  const order = new Uint32Array(n);
  let step = Math.max(1, Math.floor(n * 0.618));
  while (common(step, n) !== 1) step++;
  for (let i = 0, at = 0; i < n; i++, at = (at + step) % n) order[i] = at;
  // a file of many records names none of them
  const owners = new Map(), own = new Uint8Array(body.paths.length);
  for (let i = 0; i < n; i++) if (path[i] >= 0) owners.set(path[i], owners.has(path[i]) && owners.get(path[i]) !== body.ids[i] ? null : body.ids[i]);
  for (const [at, id] of owners) own[at] = id === null ? 0 : 1;
  return {...body, n, x, y, path, passages, colors, order, own};
};

const common = (a, b) => (b ? common(b, a % b) : a);

const pathOf = (map, i) => (map.path[i] < 0 ? null : map.paths[map.path[i]]);
const nameOf = (map, i) => map.titles[i].trim() || (map.own[map.path[i]] && pathOf(map, i).split("/").pop()) || map.ids[i];
const unitOf = map => (map.passages ? "passage" : "document");

const rampText = (color, value) => {
  if (color.kind === "date") return new Date(value * DAY_MS).toISOString().slice(0, 10);
  return value.toLocaleString("en", {maximumSignificantDigits: 6, useGrouping: Math.abs(value) >= 10_000});
};

/* Value of a point under a colour, as text; null for none. Of a ramp about the value: a byte tells no more. */
const valueText = (color, i) => {
  const byte = color.bytes[i];
  if (byte === NO_VALUE) return null;
  if (color.kind === "category") return color.labels[byte];
  return `about ${rampText(color, color.least + ((color.most - color.least) * byte) / STEPS)}`;
};

/* Numbers of points by document, and by passage where points are passages: for hits. */
const pointFinder = map => {
  const found = new Map();
  for (let i = 0; i < map.n; i++) found.set(map.passages ? `${map.passages[i]} ${map.ids[i]}` : map.ids[i], i);
  return (id, seq) => found.get(map.passages ? `${seq} ${id}` : id);
};
