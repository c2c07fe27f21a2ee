/* Filters: a control for each field by what its values are, and the expressions that /search takes. */
const FIELDS_SHOWN = 40;
const OPEN_FIELDS = 4;
const DATE_STANDS_MS = 1000, FIRST_YEAR = 1000;

const literal = value => (typeof value === "string" ? "'" + value.replaceAll("'", "''") + "'" : JSON.stringify(value));
const shownName = name => (name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
const dayAfter = day => {
  const date = new Date(day + "T00:00:00Z");
  date.setUTCDate(date.getUTCDate() + 1);
  return date.toISOString().slice(0, 10);
};

const expression = (name, [kind, ...values], field) => {
  if (kind === "in") return values.length ? `${name} in (${values.map(literal).join(", ")})` : null;
  const [low, high] = values;
  if (kind === "has") return low ? `${name} glob ${literal("*" + String(low).replace(/[*?[]/g, "[$&]") + "*")}` : null;
  const ends = [];
  if (kind === "range") {
    if (low !== "" && low !== undefined) ends.push(`${name} >= ${Number(low)}`);
    if (high !== "" && high !== undefined) ends.push(`${name} <= ${Number(high)}`);
  } else {
    // texts sort by time among those of one length; mtime is a time, and a day is all of it
    const length = name === "mtime" ? 10 : (field?.min ?? "").length;
    const cut = day => day.slice(0, length === 7 ? 7 : 10);
    if (low) ends.push(`${name} >= ${literal(cut(low))}`);
    if (high) ends.push(length > 10 ? `${name} < ${literal(dayAfter(high))}` : `${name} <= ${literal(cut(high))}`);
  }
  return ends.length ? ends.join(" and ") : null;
};

const whereOf = s => {
  const by = new Map((choices?.fields ?? []).map(f => [f.name, f]));
  const made = [...s.filters].map(([name, filter]) => expression(name, filter, by.get(name)));
  return [...made, s.where.trim()].filter(Boolean);
};

/* Kind of control that fits a field; null where no choice would leave out a document. */
const controlOf = (field, documents) => {
  if (field.name === "id" || field.name === "title" || !field.distinct) return null;
  if (field.name === "path") return field.distinct > 1 ? "has" : null;
  if (field.distinct === 1 && field.documents === documents) return null;
  const types = Object.keys(field.types).filter(t => t !== "list");
  if (typeof field.min === "string" || types[0] === "date") return "date";
  if (types.length === 1 && types[0] === "number" && field.min !== null && !field.types.list) return "range";
  return field.distinct <= field.values.length || field.values[0]?.count > 1 ? "in" : types.includes("text") ? "has" : null;
};

const setFilter = (name, filter) => {
  const filters = new Map(state.filters), [kind, ...values] = filter;
  const empty = kind === "in" ? values.length === 0 : values.every(v => v === "");
  if (empty) filters.delete(name);
  else filters.set(name, filter);
  go({filters, doc: null});
  search();
};

const choiceControl = (field, chosen) => {
  const known = field.values.map(v => v.value);
  const rows = [...field.values, ...chosen.filter(v => !known.includes(v)).map(value => ({value, count: null}))];
  const boxes = rows.map(({value, count}) => {
    const box = make("input", {type: "checkbox", checked: chosen.includes(value)});
    box.addEventListener("change", () => {
      const values = (state.filters.get(field.name) ?? ["in"]).slice(1).filter(v => v !== value);
      setFilter(field.name, ["in", ...values, ...(box.checked ? [value] : [])]);
    });
    return make("label", null, box, make("span", {dir: "auto", lang: ""}, value === "" ? "(empty)" : shortened(value)),
      count === null ? null : make("span", {class: "n"}, count.toLocaleString("en")));
  });
  const rest = field.distinct - field.values.length;
  return [...boxes, rest > 0 ? make("p", {class: "soft"}, `and ${counted(rest, "other value")}: see Filter in words`) : null];
};

/* An input as it was drawn: what is typed there since then stays when filters are drawn anew. */
const settle = (input, value) => {
  const now = String(value), edited = input.value !== (input.dataset.drawn ?? "") || input.validity.badInput;
  if (input.dataset.drawn !== undefined && edited && input.value !== now) return;
  if (input.value !== now) input.value = now;
  input.dataset.drawn = now;
};

/* Take a date once it stands: at each key a browser says that it changed, also in the middle of a year. */
const whenDateStands = (input, take) => {
  let keyed = -Infinity, timer;
  const now = () => {
    clearTimeout(timer);
    keyed = -Infinity;
    take();
  };
  const later = () => {
    clearTimeout(timer);
    if (!input.value || Number(input.value.split("-")[0]) >= FIRST_YEAR) timer = setTimeout(now, DATE_STANDS_MS);
  };
  input.addEventListener("keydown", event => {
    if (event.key === "Enter") return now();
    keyed = performance.now();
    later();
  });
  // without a key it was chosen from the browser's calendar
  input.addEventListener("change", () => (performance.now() - keyed < DATE_STANDS_MS ? later() : now()));
  input.addEventListener("blur", now);
};

const endsControl = (field, kind, [low = "", high = ""]) => {
  const type = kind === "date" ? "date" : "number";
  const limit = value => (kind === "date" ? String(value).slice(0, 10) : value);
  const input = (name, value, hint) => make("input", {
    type, value, "data-drawn": String(value), placeholder: hint, "aria-label": `${shownName(field.name)} ${name}`,
    ...(kind === "date" ? {max: "9999-12-31"} : {step: "any"}),
  });
  const from = input("from", low, limit(field.min)), to = input("to", high, limit(field.max));
  const changed = () => {
    const [a = "", b = ""] = state.filters.get(field.name)?.slice(1) ?? [], ends = [from, to];
    if (!from.isConnected || ends.some(end => end.validity.badInput)) return;
    if (from.value !== String(a) || to.value !== String(b)) setFilter(field.name, [kind, from.value, to.value]);
  };
  for (const end of [from, to]) {
    if (kind === "date") whenDateStands(end, changed);
    else end.addEventListener("change", changed);
  }
  const span = field.min === null ? null : make("p", {class: "soft"}, `${limit(field.min)} to ${limit(field.max)}`);
  return [make("div", {class: "ends"}, make("label", null, "from ", from), make("label", null, "to ", to)), span];
};

const textControl = (field, [part = ""]) => {
  const input = make("input", {value: part, "data-drawn": part, dir: "auto", placeholder: "part of it", "aria-label": `${shownName(field.name)} has`});
  input.addEventListener("change", () => setFilter(field.name, ["has", input.value]));
  return [input];
};

const drawFilters = () => {
  if (!choices) return;
  const documents = choices.documents, open = new Set([...$("fields").querySelectorAll("details[open]")].map(d => d.dataset.name));
  const first = !$("fields").childElementCount, active = document.activeElement;
  const edited = active?.matches("input:not([type=checkbox])") ? active.closest("#fields details") : null;
  const controls = choices.fields.map(f => [f, controlOf(f, documents)]).filter(([, kind]) => kind);
  const shown = controls.slice(0, FIELDS_SHOWN).map(([field, kind], n) => {
    const filter = state.filters.get(field.name), values = filter?.[0] === kind ? filter.slice(1) : [];
    const parts = kind === "in" ? choiceControl(field, values)
      : kind === "has" ? textControl(field, values) : endsControl(field, kind, values);
    if (edited?.dataset.name === field.name && edited.dataset.kind === kind) {
      for (const [i, input] of [...edited.querySelectorAll("input")].entries()) settle(input, values[i] ?? "");
      return edited;
    }
    const isOpen = filter || open.has(field.name) || (first && n < OPEN_FIELDS);
    return make("details", {class: "field", open: Boolean(isOpen), "data-name": field.name, "data-kind": kind},
      make("summary", null, make("bdi", {lang: ""}, shownName(field.name))),
      make("div", {role: "group", "aria-label": shownName(field.name)}, ...parts));
  });
  const place = active?.closest("#fields") ? [...$("fields").querySelectorAll("input")].indexOf(active) : -1, at = shown.indexOf(edited);
  if (at >= 0) {
    // it stays where it is: what is moved loses the focus
    for (const other of [...$("fields").children]) if (other !== edited) other.remove();
    edited.before(...shown.slice(0, at));
    edited.after(...shown.slice(at + 1));
  } else {
    $("fields").replaceChildren(...shown);
    if (place >= 0) $("fields").querySelectorAll("input")[place]?.focus();
  }
  if (active === $("where")) settle($("where"), state.where);
  else $("where").value = $("where").dataset.drawn = state.where;
  const n = state.filters.size + (state.where ? 1 : 0);
  $("chosen").textContent = n ? `(${n})` : "";
};

const filterChips = () => {
  const drop = name => () => {
    const filters = new Map(state.filters);
    filters.delete(name);
    go({filters});
    search();
  };
  const by = new Map((choices?.fields ?? []).map(f => [f.name, f]));
  const made = [...state.filters].map(([name, filter]) => {
    const text = expression(name, filter, by.get(name)) ?? name;
    return make("button", {type: "button", "aria-label": `Remove the filter ${text}`, click: drop(name)}, make("bdi", null, shortened(text)), " ×");
  });
  if (state.where)
    made.push(make("button", {type: "button", "aria-label": `Remove the filter ${state.where}`, click: () => { go({where: ""}); search(); }},
      make("bdi", null, shortened(state.where)), " ×"));
  return made.length ? make("div", {class: "chips"}, ...made) : null;
};
