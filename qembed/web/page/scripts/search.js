/* Search: from the state to what is shown. `answer`: what is shown now, null for nothing. */
const TYPED_MS = 140, STANDS_MS = 1500, AGAIN_MS = 2000, ANSWERS_KEPT = 30;
let choices = null, answer = null, running = null, searched = Promise.resolve(), typedTimer, standsTimer, againTimer;
/* key of a request -> answer, for going back: the same hits, votes and query. */
const recent = new Map();

const requestOf = s => ({
  query: s.q, k: s.k, ...(s.mode === "auto" ? {} : {mode: s.mode}), ...(s.rerank ? {rerank: s.rerank} : {}),
  ...(s.by === "passage" ? {} : {by: s.by}), ...(s.kind ? {kind: s.kind} : {}), where: whereOf(s), snippets: "words",
});

const pictureRequestOf = s => {
  const {query, mode, rerank, ...others} = requestOf(s);
  return {...others, picture: s.picture};
};

const bodyOf = ({picture, ...request}) => (picture ? {...request, image: samples.get(picture)?.data ?? ""} : request);

const commit = () => {
  committed = true;
  clearTimeout(standsTimer);
};

/* The words stand. atOnce: Enter was pressed, so nobody is choosing a hit yet. */
const stand = atOnce => {
  commit();
  logQuery(answer, atOnce);
};

/* Whether somebody has done something here: a page of another site may have led to this one, with words of its own. */
const wasUsed = () => navigator.userActivation?.hasBeenActive ?? true;

const typed = () => {
  clearTimeout(typedTimer);
  clearTimeout(standsTimer);
  typedTimer = setTimeout(() => {
    if ($("box").value === state.q && (isWords(state) || !state.q)) return;
    goTyping({q: $("box").value, like: null, picture: null, doc: null});
    search();
  }, TYPED_MS);
};

/* Search for what the state says, and drop the answer to what it said before. */
const search = options => (searched = answerState(options));

const answerState = async ({back = false} = {}) => {
  running?.abort();
  clearTimeout(againTimer);
  clearTimeout(standsTimer);
  const mine = running = new AbortController();
  showControls();
  if (isWords(state) && !state.q.trim()) return showHome();
  const request = state.like !== null ? null : state.picture !== null ? pictureRequestOf(state) : requestOf(state);
  const near = request ? null : new URLSearchParams([["k", state.k], ...whereOf(state).map(w => ["where", w])]);
  const key = JSON.stringify(request ?? [state.like, String(near)]);
  if (back && recent.has(key)) return takeAnswer(recent.get(key));
  $("results").setAttribute("aria-busy", "true");
  try {
    const found = request
      ? await ask("/search", {body: {...bodyOf(request), log: false}, signal: mine.signal})
      : await ask(`/similar/${idInPath(state.like)}?${near}`, {signal: mine.signal});
    if (running === mine) takeAnswer({...found, request, key});
  } catch (e) {
    if (e.name !== "AbortError" && running === mine) showFailure(e);
  }
};

const takeAnswer = found => {
  for (const hit of found.hits) hit.queryId ??= found.query_id;
  found.queryId ??= found.query_id;
  answer = found;
  recent.delete(found.key);
  recent.set(found.key, found);
  if (recent.size > ANSWERS_KEPT) recent.delete(recent.keys().next().value);
  $("results").removeAttribute("aria-busy");
  drawAnswer();
  if (choices && found.generation !== choices.generation && performance.now() - choicesAt > CHOICES_HOLD_MS) loadChoices();
  if (found.request) standsTimer = setTimeout(() => { if (wasUsed()) stand(false); }, STANDS_MS);
};

/* Draw the results anew; the focus stays with the hit of its number. */
const keepFocus = draw => {
  const active = document.activeElement, hit = active?.closest(".hit"), n = hit ? [...$("hits").children].indexOf(hit) : -1;
  draw();
  if (active && !active.isConnected)
    (links()[Math.min(n, links().length - 1)] ?? $("notes").querySelector("button") ?? $("results")).focus({preventScroll: true});
};

const drawAnswer = () => keepFocus(() => {
  drawHits(answer.hits);
  const n = answer.hits.length, more = answer.cursor ? " or more" : "", picture = samples.get(answer.request?.picture);
  $("count").textContent = (n ? counted(n, "hit") + more : "No hits") + (picture ? ` like ${shortened(picture.name, 40)}` : "");
  $("notes").replaceChildren(...[filterChips(), ignoredNote(), ...answer.warnings.map(w => make("p", {class: "note mild"}, w))].filter(Boolean));
  $("more").hidden = !answer.cursor;
  $("help").replaceChildren(...(n ? [] : nothingFound()));
  markHits();
});

const ignoredNote = () => (state.ignored.length ? make("p", {class: "note mild"}, "Not read, and ignored, in this page's address: ",
  make("bdi", null, shortened(state.ignored.map(part => shortened(part)).join(", "), 400))) : null);

const moreHits = async () => {
  const shown = answer, seen = shown.hits.length;
  $("more").disabled = true;
  try {
    if (logs()) await logQuery(shown);
    const logged = logs() && !shown.request.picture;
    const found = await ask("/search", {body: {...bodyOf(shown.request), cursor: shown.cursor, ...(logged ? {log: true, ...who()} : {log: false})}});
    if (answer !== shown) return;
    for (const hit of found.hits) hit.queryId = found.query_id;
    shown.hits.push(...found.hits);
    shown.cursor = found.cursor;
    drawAnswer();
    links()[seen]?.focus();
  } catch (e) {
    if (e.code === "old_cursor") {
      tell("The index has changed: searched again");
      search();
    } else showFailure(e);
  } finally {
    $("more").disabled = false;
  }
};

const showLike = id => {
  commit();
  hideReader();
  go({like: id, picture: null, doc: null});
  search().then(() => $("results").focus({preventScroll: true}));
  scrollTo(0, 0);
};

/* ── what is shown without hits ── */

const showControls = () => {
  if (document.activeElement !== $("box") || !isWords(state)) $("box").value = state.q;
  for (const name of ["mode", "k", "by", "kind", "rerank"]) $(name).value = state[name];
  for (const name of ["mode", "rerank"]) $(name).disabled = state.picture !== null;
  drawSample();
  $("subject").hidden = state.like === null;
  if (state.like !== null)
    $("subject").replaceChildren(make("h2", null, "Like ", make("bdi", {lang: ""}, state.like)),
      make("button", {type: "button", click: () => { go({like: null}); search(); }}, state.q ? "Back to the query" : "Leave"));
  drawFilters();
};

const clear = () => {
  answer = null;
  $("results").removeAttribute("aria-busy");
  $("more").hidden = true;
  keepFocus(() => { for (const id of ["hits", "notes", "help"]) $(id).replaceChildren(); });
  markHits();
};

const keyHelp = () => make("ul", {class: "soft"}, ...[
  [["/"], "goes to the box"], [["↑", "↓"], "go through the hits"], [["Enter"], "opens one at its passage"],
  [["y"], "copies its path"], [["Esc"], "closes, and goes back to the box"],
].map(([keys, text]) => make("li", null, ...keys.flatMap(k => [make("kbd", null, k), " "]), text)));

const showHome = () => {
  clear();
  $("count").textContent = choices ? `${counted(choices.documents, "document")} to search` : "";
  $("notes").replaceChildren(...[ignoredNote()].filter(Boolean));
  $("help").replaceChildren(make("p", null, "Words, a sentence or a question: hits come as you type."),
    ...(choices?.pictures ? [make("p", null, "A picture finds what is like it: choose it, paste it, or drop it here.")] : []), keyHelp());
};

const withoutFilters = () => make("button", {type: "button", click: () => { go({filters: new Map(), where: ""}); search(); }}, "Search without filters");

const nothingFound = () => {
  const filtered = whereOf(state).length > 0, advice = [];
  if (filtered) advice.push(make("li", null, "No document that the filters let through was found. ", withoutFilters()));
  if (isWords(state) && state.mode === "lexical")
    advice.push(make("li", null, "Only words were looked for. ", make("button", {type: "button", click: () => { go({mode: "auto"}); search(); }}, "Search by meaning, too")));
  if (isWords(state)) advice.push(make("li", null, "Other words, or a whole sentence, say more than one word does."));
  if (!filtered) advice.push(make("li", null, "Is it in the index? ", make("code", null, "qembed status"), " says what is."));
  return [make("p", null, "What may help:"), make("ul", null, ...advice)];
};

const showFailure = error => {
  if (error.status === 401) return wantToken(error);
  clear();
  $("count").textContent = "No answer";
  $("notes").replaceChildren(...[ignoredNote()].filter(Boolean));
  const again = make("button", {type: "button", click: () => search()}, "Try again");
  if (error.status === 0) {
    $("help").replaceChildren(make("p", {class: "note", role: "alert"}, "The server does not answer."),
      make("p", null, "It may have been stopped. ", make("code", null, `qembed serve --http ${location.port || 80}`), " starts it; this page then goes on by itself. "), again);
    againTimer = setTimeout(lookAgain, AGAIN_MS);
    return;
  }
  $("help").replaceChildren(make("p", {class: "note", role: "alert"}, error.message),
    make("div", {class: "row"}, again, ...(whereOf(state).length ? [withoutFilters()] : [])));
};

const lookAgain = async () => {
  const mine = running;
  try {
    if (!document.hidden) {
      await ask("/healthz");
      if (running !== mine) return;
      if (!choices) loadChoices();
      return search();
    }
  } catch { /* not yet */ }
  if (running === mine) againTimer = setTimeout(lookAgain, AGAIN_MS);
};
