/* Start of a map's own page: its data stand in the page. */
const given = JSON.parse($("data").textContent);

/* Address of a point's file as one below the page's own folder, whatever its name looks like; null without. */
const addressOfPoint = (map, i) => {
  const path = pathOf(map, i);
  if (path === null || given.folder === null) return null;
  const parts = (path.startsWith("/") ? path : `${given.folder}/${path}`).split("/");
  try {
    return (path.startsWith("/") ? "file://" : "./") + parts.map(encodeURIComponent).join("/");
  } catch { // a name that is not UTF-8 cannot be written as an address
    return null;
  }
};

const showChosen = (map, i) => {
  const address = addressOfPoint(map, i), path = pathOf(map, i);
  const facts = [["id", map.ids[i]], ["file", path], ...map.colors.map(c => [colorName(c.name), valueText(c, i)])];
  $("chosen").hidden = false;
  $("chosen").replaceChildren(
    make("h2", {dir: "auto", lang: ""}, nameOf(map, i)),
    make("dl", {class: "facts"}, ...facts.filter(([, v]) => v).flatMap(([name, value]) =>
      [make("dt", null, make("bdi", null, shortened(name, 40))), make("dd", {dir: "auto", lang: ""}, shortened(value, 300))])),
    address ? make("a", {href: address, target: "_blank", rel: "noopener noreferrer"}, "Open the file") : "");
};

const openPoint = (map, i) => {
  showChosen(map, i);
  const address = addressOfPoint(map, i);
  // a file of many records does not open at one of them: what is known of it is shown beside the map
  if (address && given.whole) window.open(address, "_blank", "noopener,noreferrer");
  else $("chosen").scrollIntoView({block: "nearest"});
};

const view = makeMapView($("map"), openPoint);
const map = decodeMap(given.map);
$("title").textContent = `Map of ${given.name}`;
document.title = `Map of ${given.name} – qembed`;
view.set(map, given.color);
view.plot.setMarks(given.queries.flatMap(q => q.hits), given.queries);
view.lists.replaceChildren(make("div", {id: "chosen", class: "card", hidden: true, role: "region", "aria-label": "What was chosen"}),
  ...given.queries.map(q => make("section", {class: "query"},
    make("h2", {dir: "auto", lang: ""}, q.query),
    make("ol", null, ...q.hits.map(h => make("li", {value: h.rank}, pointButton(view.plot, openPoint, h.point,
      make("span", {class: "n"}, h.score.toFixed(3)))))),
    q.missing ? make("p", {class: "soft"}, `${counted(q.missing, "hit")} not on the map`) : null)));
