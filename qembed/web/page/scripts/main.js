/* Start, events, keys. */
const CHOICES_HOLD_MS = 10_000;
let choicesAt = -Infinity;

const loadChoices = async () => {
  choicesAt = performance.now();
  try {
    choices = await ask("/choices");
  } catch (e) {
    if (e.status === 401) wantToken(e);
    return;
  }
  $("kinds").hidden = $("choose").hidden = !choices.pictures;
  const names = ["", ...choices.rerankers];
  if (state.rerank && !names.includes(state.rerank)) names.push(state.rerank);
  $("rerank").replaceChildren(...names.map(n => make("option", {value: n}, n || "as the index says")));
  $("rerank").value = state.rerank;
  $("filters").hidden = false;
  $("body").classList.add("wide");
  showSwitch();
  drawFilters();
  if (!answer && !state.q.trim() && isWords(state)) showHome();
};

const wantToken = error => {
  running?.abort();
  clear();
  $("count").textContent = "";
  $("wrong").textContent = token ? `That was not it: ${error.message}` : "";
  $("token").hidden = false;
  $("body").hidden = true;
  $("secret").focus();
};

const start = () => {
  $("token").hidden = true;
  $("body").hidden = false;
  settlePicture();
  // fields make expressions of dates: a shared address may have some
  const ready = loadChoices();
  if ([...state.filters.values()].some(([kind]) => kind === "date")) ready.then(() => search());
  else search();
  if (state.doc) openReader();
  showMap();
};

$("token").addEventListener("submit", event => {
  event.preventDefault();
  const given = $("secret").value.trim();
  if (!/^[\w\-.~+/]+=*$/.test(given)) {
    $("wrong").textContent = "A token has letters, digits and -._~+/ only.";
    return;
  }
  token = given;
  storage.set(tab, TOKEN, given);
  $("secret").value = "";
  start();
});

$("form").addEventListener("submit", event => {
  event.preventDefault();
  clearTimeout(typedTimer);
  if ($("box").value !== state.q || state.like !== null) {
    goTyping({q: $("box").value, like: null, picture: null, doc: null});
    search();
  }
  searched.then(() => stand(true));
});
// words that an input method has not finished yet are no query
$("box").addEventListener("input", event => { if (!event.isComposing) typed(); });
$("box").addEventListener("compositionend", typed);
for (const name of ["mode", "k", "by", "kind", "rerank"])
  $(name).addEventListener("change", () => { go({[name]: name === "k" ? Number($(name).value) : $(name).value}); search(); });
$("where").addEventListener("change", () => { go({where: $("where").value}); search(); });
$("log").addEventListener("change", () => {
  storage.set(browser, SWITCH, $("log").checked ? "on" : "off");
  showSwitch();
});
$("more").addEventListener("click", moreHits);
$("mapswitch").addEventListener("click", () => { go({map: !state.map}); showMap(); });
$("close").addEventListener("click", closeReader);
$("reader").addEventListener("cancel", event => { event.preventDefault(); closeReader(); });
// an Esc without a gesture before it closes it whatever is said
$("reader").addEventListener("close", () => { if (!$("reader").open) closeReader(); });
$("reader").addEventListener("click", event => { if (event.target === $("reader")) closeReader(); });
document.addEventListener("click", event => { if (!event.target.closest("#menu")) $("menu").open = false; });

addEventListener("popstate", () => {
  const before = subjectOf(state);
  state = readState();
  settlePicture();
  commit();
  document.title = state.q ? `${shortened(state.q, 60)} – qembed` : "qembed";
  hideReader();
  showMap();
  if (subjectOf(state) !== before) {
    $("box").value = state.q;
    search({back: true});
  }
  if (state.doc) openReader();
});

const typing = target => target.matches("input:not([type=checkbox]), textarea, select");

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const {target, key} = event, box = $("box"), list = links(), at = list.indexOf(target.closest(".hit")?.querySelector("h2 a"));
  const to = element => { event.preventDefault(); element?.focus(); };
  if ($("reader").open) {
    if (key === "y" && reading) copyPath(reading.hit ?? reading.found ?? {path: reading.id});
    return;
  }
  if (key === "Escape") {
    if ($("menu").open) { $("menu").open = false; to($("menu").firstElementChild); }
    else if (target !== box) { to(box); box.select(); }
    return;
  }
  if (typing(target) && target !== box) return;
  if (key === "Backspace" && target === box && !box.value && state.picture !== null) return leavePicture();
  if (key === "ArrowDown" && (target === box || at >= 0 || target === document.body)) to(list[Math.min(at + 1, list.length - 1)]);
  else if (key === "ArrowUp" && at >= 0) to(at ? list[at - 1] : box);
  else if (target === box) return;
  else if (key === "/") { to(box); box.select(); }
  else if (key === "y") {
    const hit = currentHit();
    if (hit) copyPath(hit);
    else tell("Choose a hit with the arrow keys first");
  }
});

$("filters").open = matchMedia("(min-width: 64rem)").matches;
$("box").value = state.q;
$("box").focus(); // by `autofocus` a browser would come later, and complain if the token is asked for already
start();
