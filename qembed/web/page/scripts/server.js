/* Requests. A Refusal has the server's own words; status 0: no server answered. */
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const TOKEN = "qembed-token";
const TRIES = 3;
const storage = {
  get: (where, name) => { try { return where().getItem(name); } catch { return null; } },
  set: (where, name, value) => { try { where().setItem(name, value); } catch { /* for this page alone, then */ } },
};
const tab = () => sessionStorage, browser = () => localStorage;
let token = storage.get(tab, TOKEN);

const pause = milliseconds => new Promise(resolve => { setTimeout(resolve, milliseconds); });

const ask = async (path, {body, signal} = {}) => {
  const headers = {Accept: "application/json"};
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const request = {
    method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body), credentials: "omit",
    cache: "no-store", redirect: "error",
  };
  for (let n = 1; ; n++) {
    let response, found;
    try {
      response = await fetch("." + path, request); // a proxy may have put a folder in front
      found = await response.json();
    } catch (e) {
      if (e.name === "AbortError") throw e;
      if (response) throw new Refusal(response.status, "", `an answer that is no JSON (status ${response.status})`);
      throw new Refusal(0, "no_answer", "The server does not answer.");
    }
    if (response.ok) return found;
    const busy = response.status === 429 || (response.status === 503 && ["busy", "timeout"].includes(found.error?.code));
    if (!busy || n === TRIES)
      throw new Refusal(response.status, found.error?.code ?? "", found.error?.message ?? `status ${response.status}`);
    await pause(1000 * (Number(response.headers.get("Retry-After")) || 1));
    signal?.throwIfAborted();
  }
};

/* A slash is encoded too: a browser takes dots between slashes for steps up. */
const idInPath = id => encodeURIComponent(id);
