/* State of the page, which its address holds, so that it can be shared and gone back to.

   q, mode, k, rerank, by, kind: as the parameters of /search. where: a filter as text. filters: name of a field ->
   [kind, ...values]. doc: {id, seq} of the open document. like: id of the document that others are like. map: whether the map is shown.
   picture: number of the picture that is searched by, which no address can hold: this tab's history has it.
   ignored: what an address has that cannot be read, until the state changes. */
const MODES = ["auto", "hybrid", "dense", "lexical"];
const KINDS = ["in", "range", "date", "has"];
const CHOICES_OF_K = [5, 10, 20, 50, 100];

const PARAMETERS = ["q", "mode", "k", "rerank", "by", "kind", "where", "f", "like", "view", "doc", "passage"];

const isNumber = v => (typeof v === "number" || (typeof v === "string" && v.trim() !== "")) && Number.isFinite(Number(v));
const isDay = v => {
  const date = /^\d{4}-\d\d-\d\d$/.test(v) ? new Date(v + "T00:00:00Z") : null;
  return date !== null && !Number.isNaN(date.getTime()) && date.toISOString().startsWith(v);
};

const isFilter = (kind, values) => {
  if (kind === "in") return values.length > 0;
  if (kind === "has") return values.length === 1 && values[0] !== "";
  const fits = kind === "date" ? isDay : isNumber;
  return values.length <= 2 && values.some(v => v !== "") && values.every(v => v === "" || fits(v));
};

const readFilters = (texts, ignored) => {
  const found = new Map();
  for (const text of texts) {
    let value = null;
    try { value = JSON.parse(text); } catch { /* ignored */ }
    const plain = Array.isArray(value) && value.every(v => ["string", "number", "boolean"].includes(typeof v));
    if (plain && typeof value[0] === "string" && KINDS.includes(value[1]) && isFilter(value[1], value.slice(2)))
      found.set(value[0], value.slice(1));
    else ignored.push(`f=${text}`);
  }
  return found;
};

const readState = () => {
  const given = new URLSearchParams(location.search), ignored = [];
  const one = (name, known, fallback) => {
    const value = given.get(name);
    if (known.includes(value)) return value;
    if (value) ignored.push(`${name}=${value}`);
    return fallback;
  };
  const seq = given.get("passage");
  for (const [name, value] of given) if (!PARAMETERS.includes(name)) ignored.push(`${name}=${value}`);
  return {
    q: given.get("q") ?? "",
    mode: one("mode", MODES, "auto"),
    k: Number(one("k", CHOICES_OF_K.map(String), "10")),
    rerank: given.get("rerank") ?? "",
    by: one("by", ["passage", "document"], "passage"),
    kind: one("kind", ["text", "image"], ""),
    where: given.get("where") ?? "",
    filters: readFilters(given.getAll("f"), ignored),
    like: given.get("like"),
    picture: history.state?.picture ?? null,
    map: one("view", ["map"], "") === "map",
    doc: given.has("doc")
      ? {id: given.get("doc"), seq: /^\d{1,9}$/.test(seq ?? "") ? Number(seq) : 0} : null,
    ignored,
  };
};

const addressOf = s => {
  const made = new URLSearchParams();
  if (s.q) made.set("q", s.q);
  if (s.mode !== "auto") made.set("mode", s.mode);
  if (s.k !== 10) made.set("k", s.k);
  if (s.rerank) made.set("rerank", s.rerank);
  if (s.by !== "passage") made.set("by", s.by);
  if (s.kind) made.set("kind", s.kind);
  if (s.where) made.set("where", s.where);
  for (const [name, filter] of s.filters) made.append("f", JSON.stringify([name, ...filter]));
  if (s.like !== null) made.set("like", s.like);
  if (s.map) made.set("view", "map");
  if (s.doc) {
    made.set("doc", s.doc.id);
    made.set("passage", s.doc.seq);
  }
  const text = made.toString().replaceAll("%2F", "/");
  return text ? "?" + text : location.pathname;
};

const isWords = s => s.like === null && s.picture === null;
/* What is searched, as a text to compare. */
const subjectOf = s => `${addressOf({...s, doc: null})} ${s.picture}`;

let state = readState();
/* False while words are typed: one entry of the history for all of them. */
let committed = true;

/* opened: key of the entry of the list that a document was opened from, true in browsers that have no keys. */
const go = (change, {push = true, opened = false} = {}) => {
  state = {...state, ignored: [], ...change};
  history[push ? "pushState" : "replaceState"]({opened, picture: state.picture}, "", addressOf(state));
  document.title = state.q ? `${shortened(state.q, 60)} – qembed` : "qembed";
};

const entryKey = () => window.navigation?.currentEntry?.key ?? true;

const goTyping = change => {
  go(change, {push: committed});
  committed = false;
};
