/* Elements. Text is only ever text: nothing of a document is parsed as HTML. */
const $ = id => document.getElementById(id);

const make = (tag, traits, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(traits ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter(c => c !== null && c !== undefined));
  return made;
};

const thumb = () => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg"), path = document.createElementNS(space, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", "M3 10h4v11H3zM7 11l4-8c2 0 3 1 3 3v4h5c1.500 0 2 1 2 2l-2 7c-.300 1.300-1 2-2 2H7z");
  svg.append(path);
  return svg;
};

/* The server counts characters, a script counts halves of some: texts are cut as lists of characters.
   spans: [start, end, tag, class], in order, without overlaps. */
const marked = (text, spans, first = 0, last = Infinity) => {
  const characters = Array.from(text), end = Math.min(last, characters.length), parts = [];
  const cut = (a, b) => characters.slice(a, b).join("");
  let at = first;
  for (const [a, b, tag, kind] of spans) {
    const from = Math.max(a, at), to = Math.min(b, end);
    if (from >= to) continue;
    if (from > at) parts.push(cut(at, from));
    parts.push(make(tag, {class: kind}, cut(from, to)));
    at = to;
  }
  if (at < end) parts.push(cut(at, end));
  return parts;
};

const shortened = (value, most = 80) => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const characters = Array.from(text);
  return characters.length > most ? characters.slice(0, most - 1).join("") + "…" : text;
};

const counted = (n, one, several = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : several}`;

let tellTimer;
const tell = message => {
  clearTimeout(tellTimer);
  // a modal dialog hides what is outside of it
  ($("reader").open ? $("reader") : document.body).append($("told"));
  $("told").textContent = message;
  tellTimer = setTimeout(() => { $("told").textContent = ""; }, 4000);
};
