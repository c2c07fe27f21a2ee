/* Feedback: what is done with a hit, logged where the server logs and the switch is on.

   Words that are being typed are searched without a trace. Once they stand (Enter, a pause, something done with
   a hit) the query is asked again as one that is logged, and events go to that one. */
const SWITCH = "qembed-log", CLIENT = "qembed-client", SESSION = "qembed-session";
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), b => b.toString(16).padStart(2, "0")).join("");

const kept = (where, name) => {
  let value = storage.get(where, name);
  if (!/^[0-9a-f]{16}$/.test(value ?? "")) storage.set(where, name, value = random());
  return value;
};

const serverLogs = () => Boolean(choices) && choices.log !== "off";
const logs = () => serverLogs() && $("log").checked;
const who = () => ({client: `person:${kept(browser, CLIENT)}`, session: kept(tab, SESSION)});

const showSwitch = () => {
  $("switch").hidden = !serverLogs();
  $("log").checked = storage.get(browser, SWITCH) !== "off";
  document.body.classList.toggle("logs", logs());
};

const sameOrder = (a, b) => a.length === b.length && a.every((hit, n) =>
  hit.document === b[n].document && hit.passage.seq === b[n].passage.seq);

/* Log the query of an answer, once. The log has the order that was shown: neighbours that the server exchanged
   for it are shown exchanged, unless somebody is about to choose; then votes alone are logged, which no rank matters to. */
const logQuery = async (shown, atOnce = false) => {
  if (!logs() || !shown?.request || shown.request.picture || shown.queryId) return;
  shown.logging ??= (async () => {
    const again = await ask("/search", {body: {...shown.request, log: true, ...who()}});
    if (sameOrder(again.hits, shown.hits.slice(0, again.hits.length))) {
      shown.queryId = again.query_id;
      for (const hit of shown.hits.slice(0, again.hits.length)) hit.queryId = again.query_id;
    } else if (shown === answer && shown.hits.length === again.hits.length
      && (atOnce || !$("hits").matches(":hover, :focus-within"))) {
      takeAnswer({...again, request: shown.request, key: shown.key});
    } else shown.otherOrder = again.query_id;
  })();
  try {
    await shown.logging;
  } catch (e) {
    shown.logging = null;
    tell(`Not logged: ${e.message}`);
  }
};

const act = async (hit, action) => {
  if (!logs()) return false;
  const shown = answer;
  if (!shown?.hits.includes(hit)) return false;
  if (!hit.queryId) await logQuery(shown);
  const place = hit.queryId ? {query_id: hit.queryId, position: hit.rank}
    : action.startsWith("thumbs_") && shown.otherOrder ? {query_id: shown.otherOrder} : null;
  if (!place) return false;
  try {
    await ask("/feedback", {body: {...place, action, object: hit.document, event_id: random()}});
  } catch (e) {
    tell(`Not logged: ${e.message}`);
    return false;
  }
  return true;
};

const vote = async (hit, action, buttons) => {
  if (!await act(hit, action)) return;
  hit.vote = action;
  for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.action === action));
  tell(action === "thumbs_up" ? "Voted up" : "Voted down");
};

const copyText = async text => {
  try {
    await navigator.clipboard.writeText(text);
  } catch { // pages that came without TLS from another machine have no clipboard
    const box = make("textarea", {class: "hidden", readonly: true});
    box.value = text;
    const focused = document.activeElement;
    ($("reader").open ? $("reader") : document.body).append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    focused?.focus();
    if (!done) throw new Error("the browser does not allow it");
  }
};

const copyPath = async hit => {
  const path = hit.path ?? hit.document;
  try {
    await copyText(path);
  } catch (e) {
    return tell(`Not copied: ${e.message}`);
  }
  tell(`Copied ${shortened(path)}`);
  await act(hit, "copy");
};
