/* Reader: a document at its passage, with what is around. */
const AROUND = 4, MOST_AROUND = 100;
const CODE = /\.(c|cc|cpp|cs|css|go|h|hpp|html?|java|js|json|jsx|kt|lua|php|pl|py|r|rb|rs|scala|sh|sql|swift|toml|ts|tsx|xml|ya?ml)$/i;
let reading = null;

const openHit = hit => {
  act(hit, "open");
  commit();
  go({doc: {id: hit.document, seq: hit.passage.seq}}, {opened: entryKey()});
  openReader(hit);
};

/* Back to the list, whose entry has a key: one step back may be another one, as browsers leave out entries that
   were made without a gesture. It is closed first, so that two events of one key are one step. */
const closeReader = () => {
  if (!reading) return;
  hideReader();
  const from = history.state?.opened;
  if (from === true) return history.back();
  if (!window.navigation?.entries().some(entry => entry.key === from)) return go({doc: null}, {push: false});
  const {committed, finished} = navigation.traverseTo(from);
  for (const step of [committed, finished]) step.catch(() => { /* the user went elsewhere meanwhile */ });
};

const hideReader = () => {
  reading?.abort.abort();
  reading = null;
  if ($("reader").open) $("reader").close();
};

const openReader = (hit = answer?.hits.find(h => h.document === state.doc.id && h.passage.seq === state.doc.seq)) => {
  reading?.abort.abort();
  reading = {...state.doc, hit, around: AROUND, abort: new AbortController()};
  $("heading").textContent = hit ? titleOf(hit) : state.doc.id;
  for (const id of ["place", "meta", "acts", "text"]) $(id).replaceChildren();
  if (!$("reader").open) $("reader").showModal();
  $("text").focus();
  readAround(true);
};

const readAround = async jump => {
  const mine = reading, url = `/documents/${idInPath(mine.id)}`, signal = mine.abort.signal;
  $("part").textContent = "Reading …";
  try {
    const passage = await ask(`${url}?passage=${mine.seq}`, {signal}).catch(e => {
      if (e.status === 404 && mine.hit === undefined) return null; // a number that no passage has any more
      throw e;
    });
    const all = mine.around > MOST_AROUND || passage === null;
    const found = all ? await ask(url, {signal}) : await ask(`${url}?passage=${mine.seq}&context=${mine.around}`, {signal});
    if (reading === mine) drawDocument(found, passage, jump);
  } catch (e) {
    if (e.name === "AbortError" || reading !== mine) return;
    $("part").textContent = e.status === 0 ? "The server does not answer. Is it running? Close this and search again."
      : e.code === "unknown_document" ? `It is not in the index any more. ${e.message}` : e.message;
    if (e.status === 401) { hideReader(); wantToken(e); }
  }
};

/* [start, end, tag, class] of the passage, and of the words in its snippet, within the text. */
const spansOf = (found, passage) => {
  if (passage === null || found.generation !== passage.generation) return [];
  const from = passage.start - found.start, to = passage.end - found.start, hit = reading.hit;
  const known = hit?.snippet && hit.passage.start === passage.start && hit.text === passage.text;
  const spans = [];
  let at = from;
  for (const [a, b] of known ? hit.snippet.matches : []) {
    if (from + a > at) spans.push([at, from + a, "span", "here"]);
    spans.push([from + a, from + b, "mark", a < hit.snippet.start ? null : "best"]);
    at = from + b;
  }
  if (at < to) spans.push([at, to, "span", "here"]);
  return spans;
};

const drawDocument = (found, passage, jump) => {
  reading.found = found;
  const title = titleOf(found), line = passage?.file_line ?? found.file_line;
  $("heading").textContent = title;
  $("place").replaceChildren(...placeOf({...found, line, passage: null}));
  $("meta").replaceChildren(...Object.entries(found.meta).flatMap(([name, value]) =>
    [make("dt", null, make("bdi", null, name)), make("dd", {dir: "auto"}, shortened(value, 300))]));
  const before = found.first_passage > 0, after = found.last_passage !== null && found.last_passage < found.passages - 1;
  const wider = label => around => make("button", {type: "button", click: () => { reading.around = around; readAround(false); }}, label);
  const more = before || after ? [
    reading.around < MOST_AROUND ? wider("More around")(Math.min(MOST_AROUND, reading.around * 4)) : null,
    wider("All of it")(Infinity),
  ] : [];
  const subject = reading.hit ?? {...found, rank: null};
  $("acts").replaceChildren(...actsOf(subject, more).filter(Boolean));
  $("part").textContent = `${before || after ? `Lines ${found.line} to ${found.end_line} of ${found.lines}` : counted(found.lines, "line")}` +
    ` of the text in the index${passage ? ", the passage is marked" : `: it has no passage ${reading.seq}, this is its start`}.`;
  $("text").className = CODE.test(found.path ?? "") ? "code" : "";
  $("text").replaceChildren(...(found.picture ? [pictureOf(found.document, found.text)] : []), ...marked(found.text, spansOf(found, passage)));
  if (jump) ($("text").querySelector("mark.best") ?? $("text").querySelector("mark, .here") ?? $("text")).scrollIntoView({block: "center"});
};
