/* Legend: which value colours the points, what each colour means; a press leaves a group out or brings it back. */
const colorName = name => ({cluster: "subject", modified: "last change"})[name] ?? name;

const countsOf = color => {
  const counts = new Uint32Array(256);
  for (const byte of color.bytes) counts[byte]++;
  return counts;
};

/* Fill `place` with the legend of a plot's map. first: name of the colour to begin with. */
const drawLegend = (plot, place, first) => {
  const {map} = plot, list = make("div", {class: "keys"});
  const select = make("select", {"aria-label": "Colour by"},
    ...map.colors.map((c, n) => make("option", {value: n}, shortened(colorName(c.name), 40))));
  const names = make("input", {type: "checkbox", checked: plot.names});
  names.addEventListener("change", () => { plot.names = names.checked; plot.redraw(false); });
  select.addEventListener("change", () => show(map.colors[select.value]));
  const show = color => {
    plot.setColor(color);
    const palette = () => paletteOf(color);
    list.replaceChildren(...(color.kind === "category" ? keysOf(plot, color, palette) : rampKeys(color)));
  };
  const start = Math.max(0, map.colors.findIndex(c => c.name === first));
  select.value = start;
  place.replaceChildren(
    make("div", {class: "row"}, make("label", null, "Colour by ", select), make("label", null, names, " names")), list);
  show(map.colors[start]);
};

const keysOf = (plot, color, palette) => {
  const counts = countsOf(color), colors = palette();
  const rows = [...color.labels.keys(), ...(counts[NO_VALUE] ? [NO_VALUE] : [])];
  const buttons = rows.map(byte => {
    const dot = make("i", {"aria-hidden": "true"});
    dot.style.background = cssOf(colors[byte]);
    const button = make("button", {type: "button", "aria-pressed": "true"}, dot,
      make("bdi", {lang: ""}, byte === NO_VALUE ? "no value" : color.labels[byte]), make("span", {class: "n"}, counts[byte].toLocaleString("en")));
    button.addEventListener("click", () => {
      if (!plot.off.delete(byte)) plot.off.add(byte);
      press();
    });
    return button;
  });
  const press = () => {
    buttons.forEach((b, n) => b.setAttribute("aria-pressed", String(!plot.off.has(rows[n]))));
    plot.point(-1);
    plot.redraw();
  };
  const all = make("button", {type: "button", class: "plain", click: () => { plot.off.clear(); press(); }}, "all");
  const none = make("button", {type: "button", class: "plain", click: () => { plot.off = new Set(rows); press(); }}, "none");
  return [make("div", {class: "row"}, all, none), ...buttons];
};

const rampKeys = color => {
  const bar = make("div", {class: "ramp", "aria-hidden": "true"});
  bar.style.background = `linear-gradient(to right, ${RAMP.join(", ")})`;
  const missing = countsOf(color)[NO_VALUE];
  return [bar, make("p", {class: "ends soft"}, make("span", null, rampText(color, color.least)), make("span", null, rampText(color, color.most))),
    missing ? make("p", {class: "soft"}, `${counted(missing, "point")} without a value`) : null].filter(Boolean);
};
