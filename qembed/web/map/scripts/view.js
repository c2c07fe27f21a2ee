/* View of a map: the plot with its buttons and what is pointed at, the legend, near-duplicates, what it is. */
const ALIKE_SHOWN = 40;

/* Build a view in `root`. open(map, i): what a click on a point does. */
const makeMapView = (root, open) => {
  const button = (text, label, click) => make("button", {type: "button", "aria-label": label, title: label, click}, text);
  const tip = make("div", {class: "tip card", hidden: true});
  const holder = make("div", {class: "plot", tabindex: "0", role: "application", "aria-describedby": "map-keys"},
    make("canvas", {class: "points"}), make("canvas", {class: "marks"}));
  const zoom = make("div", {class: "zoom"}, button("+", "Zoom in", () => plot.zoom(1.5)), button("−", "Zoom out", () => plot.zoom(1 / 1.5)),
    button("⤢", "Show all", () => plot.reset()));
  const spoken = make("p", {class: "hidden", role: "status"});
  const legend = make("div", {class: "legend"}), alike = make("details", {class: "alike"}), about = make("p", {class: "soft about"});
  const keys = make("p", {class: "soft keyhelp", id: "map-keys"}, "Drag to move, wheel or two fingers to zoom. Keys on the map: arrows, + and −, 0 for all, Enter opens what is in the middle.");
  const lists = make("div", {class: "lists"});
  root.replaceChildren(make("div", {class: "stage"}, holder, tip, zoom, spoken),
    make("div", {class: "side"}, legend, lists, alike, about, keys));

  const pointed = i => {
    tip.hidden = i < 0;
    spoken.textContent = i < 0 ? "" : nameOf(plot.map, i);
    if (i < 0) return;
    tip.replaceChildren(...describePoint(plot.map, i, plot.color));
    const box = holder.getBoundingClientRect(), x = plot.across(plot.map.x[i]), y = plot.down(plot.map.y[i]);
    const w = tip.offsetWidth, h = tip.offsetHeight;
    tip.style.left = `${Math.max(4, Math.min(box.width - w - 4, x - w / 2))}px`;
    tip.style.top = `${y + 14 + h > box.height ? Math.max(4, y - h - 14) : y + 14}px`;
  };
  const plot = new Plot(holder, {shown: pointed, open: i => open(plot.map, i)});
  addGestures(plot);

  const set = (map, first) => {
    plot.setMap(map);
    drawLegend(plot, legend, first);
    holder.setAttribute("aria-label", `Map of ${counted(map.n, unitOf(map))}`);
    about.replaceChildren(...aboutMap(map));
    drawAlike(alike, plot, open);
  };
  return {plot, set, lists};
};

const aboutMap = map => {
  const how = map.method === "pca"
    ? "Places are those along the two directions in which the vectors vary most (PCA): distances in others are not seen."
    : "Points that are near one another are alike (t-SNE); how far groups are apart tells little.";
  return [`${counted(map.n, unitOf(map))}. ${how}`, ...map.warnings.map(w => ` ${w[0].toUpperCase()}${w.slice(1)}.`)];
};

/* Title, place and value of a point, for what floats beside it. */
const describePoint = (map, i, color) => {
  const path = pathOf(map, i), value = color && valueText(color, i);
  return [
    make("b", {dir: "auto", lang: ""}, shortened(nameOf(map, i), 120)),
    make("span", {class: "place"}, make("bdi", null, shortened(path ?? map.ids[i], 120)), map.passages ? `, passage ${map.passages[i] + 1}` : null),
    value ? make("span", {class: "soft"}, make("bdi", null, shortened(colorName(color.name), 40)), ": ", make("bdi", null, value)) : null,
  ].filter(Boolean);
};

/* A button that shows points on the map, and opens one with a second press. */
const pointButton = (plot, open, i, after = null) => {
  const map = plot.map;
  const button = make("button", {type: "button", class: "plain point"}, make("bdi", {lang: ""}, shortened(nameOf(map, i), 90)), after);
  button.addEventListener("mouseenter", () => plot.point(i));
  button.addEventListener("focus", () => plot.point(i));
  button.addEventListener("mouseleave", () => plot.point(-1));
  button.addEventListener("click", () => open(map, i));
  return button;
};

const drawAlike = (place, plot, open) => {
  const {alike, alike_total: total} = plot.map;
  place.hidden = !alike.length;
  if (!alike.length) return;
  const groups = alike.slice(0, ALIKE_SHOWN).map(cluster => make("li", null,
    make("button", {type: "button", class: "plain soft", click: () => plot.goTo(cluster.points)},
      `${cluster.size} ${cluster.copies === cluster.size - 1 ? "copies" : `alike, from ${cluster.lowest.toFixed(2)}`}`),
    make("ul", null, ...cluster.points.slice(0, 8).map(i => make("li", null, pointButton(plot, open, i)))),
    cluster.size > 8 ? make("span", {class: "soft"}, `and ${cluster.size - Math.min(8, cluster.points.length)} more`) : null));
  const rest = total - groups.length;
  place.replaceChildren(make("summary", null, `Near-duplicates (${counted(total, "cluster")})`), make("ol", null, ...groups),
    rest > 0 ? make("p", {class: "soft"}, `and ${counted(rest, "other cluster")}: `, make("code", null, "qembed duplicates"), " lists all.") : "");
};
