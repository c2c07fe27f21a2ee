/* Hits: title, place, snippet, why each was found, and what can be done with it. */
const REASONS = [
  ["lexical", "words", "BM25 of the query's words"],
  ["dense", "meaning", "cosine of the vectors"],
  ["rerank", "rerank", "score of the reranker"],
];
const SNIPPET_CHARACTERS = 420;
const TAGS = 4;

const scoreText = value => (value === 0 ? "0" : Math.abs(value) >= 10 ? value.toFixed(1) : Math.abs(value) >= 1 ? value.toFixed(2) : value.toFixed(3));

/* stage -> [value of an empty bar, value of a full one], over all hits: bars compare hits, not stages. */
const scalesOf = hits => new Map(REASONS.map(([stage]) => {
  const values = hits.map(h => h.scores[stage]).filter(v => typeof v === "number");
  return [stage, [Math.min(0, ...values), Math.max(0, ...values)]];
}));

const reasons = (hit, scales) => make("ul", {class: "why", "aria-label": "Why it was found"},
  ...REASONS.filter(([stage]) => typeof hit.scores[stage] === "number").map(([stage, label, title]) => {
    const [low, high] = scales.get(stage), value = hit.scores[stage];
    const share = high > low ? (value - low) / (high - low) : 0, fill = make("i");
    fill.style.width = `${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%`;
    return make("li", {title: `${title}; a full bar is the best of these hits`}, label,
      make("span", {class: "bar", "aria-hidden": "true"}, fill), scoreText(value));
  }));

const snippetOf = hit => {
  const s = hit.snippet ?? {start: 0, end: 0, matches: []};
  const spans = s.matches.map(([a, b]) => [a, b, "mark", null]);
  const last = Math.max(s.end, s.start + SNIPPET_CHARACTERS);
  return make("p", {class: "snippet", dir: "auto"}, s.start > 0 ? "… " : null,
    ...marked(hit.text, spans, s.start, last).map(part => (typeof part === "string" ? part.replace(/\n\s*\n/g, "\n") : part)));
};

const titleOf = hit => hit.title?.trim() || (hit.fragment ? "" : hit.path?.split("/").pop()) || hit.document;

const placeOf = hit => {
  const line = hit.snippet?.line ?? hit.line;
  const fragment = hit.fragment ? "#" + hit.fragment : "";
  const place = hit.path === null ? hit.document : hit.path + fragment + (line ? `:${line}` : "");
  const part = hit.passage?.symbol || hit.passage?.heading;
  return [make("bdi", null, place), ...(part ? [" · ", make("bdi", null, shortened(part, 120))] : [])];
};

const tagsOf = hit => {
  const shown = Object.entries(hit.meta).filter(([, v]) => v !== null && v !== "" && typeof v !== "object" || Array.isArray(v));
  return shown.length ? make("div", {class: "tags"}, ...shown.slice(0, TAGS).map(([name, value]) =>
    make("span", null, make("bdi", null, shortened(name, 40)), ": ", make("bdi", null, shortened(value, 60))))) : null;
};

const actsOf = (hit, more) => {
  const title = titleOf(hit);
  const named = (label, does, traits = {}) =>
    make("button", {type: "button", "aria-label": `${label}: ${shortened(title)}`, click: does, ...traits}, label);
  const buttons = [["thumbs_up", "A good hit", "up"], ["thumbs_down", "A bad hit", "down"]].map(([action, label, kind]) => {
    const button = make("button", {
      type: "button", class: kind, title: label, "aria-label": `${label}: ${shortened(title)}`,
      "aria-pressed": String(hit.vote === action), "data-action": action,
    }, thumb());
    button.addEventListener("click", () => vote(hit, action, buttons));
    return button;
  });
  return [
    named("More like this", () => showLike(hit.document)), named("Copy path", () => copyPath(hit)), ...more,
    make("span", {class: "votes"}, ...(hit.rank && isWords(state) ? buttons : [])),
  ];
};

const hitItem = (hit, scales) => {
  const doc = {id: hit.document, seq: hit.passage.seq};
  const link = make("a", {href: addressOf({...state, doc})}, titleOf(hit));
  link.addEventListener("click", event => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    openHit(hit);
  });
  const item = make("li", {class: "card hit"}, hit.picture ? pictureOf(hit.document, hit.text) : null,
    make("h2", {dir: "auto"}, link), make("p", {class: "place"}, ...placeOf(hit)), snippetOf(hit), tagsOf(hit),
    make("div", {class: "foot"}, reasons(hit, scales), make("div", {class: "acts"}, ...actsOf(hit, []))));
  hitOf.set(item, hit);
  return item;
};

const hitOf = new WeakMap();
const links = () => [...$("hits").querySelectorAll("h2 a")];
const currentHit = () => hitOf.get(document.activeElement?.closest(".hit"));

const drawHits = hits => {
  const scales = scalesOf(hits);
  $("hits").classList.toggle("grid", hits.length > 0 && hits.every(h => h.kind === "image"));
  $("hits").replaceChildren(...hits.map(h => hitItem(h, scales)));
};
