/* Map beside the hits: made by the server when it is first asked for, and marked with the hits of the query. */
const MAP_WAIT_MS = 700, MAP_HOLD_MS = 10_000, QUERY_POINTS = 5;
const PHASES = {axes: "vectors are read", places: "places are found", groups: "groups are named", compare: "duplicates are found"};
let mapView = null, findPoint = null, mapAsked = -Infinity, mapTimer;

const showMap = () => {
  clearTimeout(mapTimer);
  $("mapswitch").setAttribute("aria-pressed", String(state.map));
  $("maproom").hidden = !state.map;
  if (!state.map) return;
  if (mapView) markHits();
  else loadMap();
};

const loadMap = async () => {
  mapAsked = performance.now();
  try {
    const found = await ask("/map");
    if (found.state === "making") {
      const share = found.total ? `, ${Math.floor((100 * Math.min(found.done, found.total)) / found.total)} %` : "";
      $("mapstate").textContent = `The map is being made: ${PHASES[found.phase] ?? found.phase}${share} …`;
      if (state.map) mapTimer = setTimeout(loadMap, MAP_WAIT_MS);
      return;
    }
    $("map").hidden = false;
    mapView ??= makeMapView($("map"), openFromMap);
    const map = decodeMap(found);
    findPoint = pointFinder(map);
    mapView.set(map, mapView.plot.color?.name ?? "cluster");
    $("mapstate").textContent = "";
    markHits();
  } catch (e) {
    if (e.status === 401) return wantToken(e);
    $("mapstate").textContent = `No map: ${e.message}`;
  }
};

/* Hits of the answer on the map, and its query in the middle of the first of them. */
const markHits = () => {
  if (!mapView || !state.map) return;
  const {plot} = mapView, {map} = plot, all = answer?.hits ?? [];
  if (answer && answer.generation > map.generation && performance.now() - mapAsked > MAP_HOLD_MS) loadMap();
  const hits = all.map((h, n) => ({point: findPoint(h.document, h.passage.seq), rank: n + 1})).filter(h => h.point !== undefined);
  const first = [...new Set(hits.map(h => h.point))].slice(0, QUERY_POINTS);
  const middle = values => values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)];
  const place = {x: middle(first.map(i => map.x[i])), y: middle(first.map(i => map.y[i]))};
  const words = isWords(state) ? state.q.trim() : "";
  plot.setMarks(hits, words && first.length ? [{query: words, ...place, hits: hits.slice(0, 10)}] : []);
  $("mapstate").textContent = hits.length < all.length ? `${counted(all.length - hits.length, "hit")} not on the map` : "";
};

const openFromMap = (map, i) => {
  const seq = map.passages ? map.passages[i] : null;
  const hit = answer?.hits.find(h => h.document === map.ids[i] && (seq === null || h.passage.seq === seq));
  if (hit) return openHit(hit);
  commit();
  go({doc: {id: map.ids[i], seq: seq ?? 0}}, {opened: entryKey()});
  openReader();
};
