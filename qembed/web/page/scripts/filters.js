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

/* details -> what it was made of. */
const makings = new WeakMap();

/* Values to choose from: those that are common, and others that are chosen. */
const shownValues = (field, chosen) => {
  const known = field.values.map(v => v.value);
  return [...field.values, ...chosen.filter(v => !known.includes(v)).map(value => ({value, count: null}))];
};

const choiceControl = (field, chosen) => {
  const boxes = shownValues(field, chosen).map(({value, count}) => {
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

/* An input as it was drawn. What is typed there since then stays when filters are drawn anew, while the focus is there
   or at the other end of a range. */
const settle = (input, value) => {
  if (input.type === "checkbox") return void (input.checked = value);
  const now = String(value), edited = input.value !== (input.dataset.drawn ?? "") || input.validity.badInput;
  const isEdited = (input.closest(".ends") ?? input).contains(document.activeElement);
  if (isEdited && input.dataset.drawn !== undefined && edited && input.value !== now) return;
  if (!isEdited && input.validity.badInput) input.value = "";
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

/* Values of a control's inputs, in their order. */
const inputValues = (field, kind, values) =>
  kind === "in" ? shownValues(field, values).map(({value}) => values.includes(value)) : [values[0] ?? "", ...(kind === "has" ? [] : [values[1] ?? ""])];

/* What a control was made of, apart from its values. */
const makingOf = (field, kind, values) => JSON.stringify([kind, field, kind === "in" ? shownValues(field, values) : null]);

/* Controls that are there stay: an event of one comes while the focus is on its way to another. */
const drawFilters = () => {
  if (!choices) return;
  const documents = choices.documents, active = document.activeElement, here = [...$("fields").children];
  const controls = choices.fields.map(f => [f, controlOf(f, documents)]).filter(([, kind]) => kind);
  const shown = controls.slice(0, FIELDS_SHOWN).map(([field, kind], n) => {
    const filter = state.filters.get(field.name), values = filter?.[0] === kind ? filter.slice(1) : [];
    const making = makingOf(field, kind, values), old = here.find(d => d.dataset.name === field.name);
    const edited = kind !== "in" && old?.dataset.kind === kind && old.contains(active);
    if (old && (edited || makings.get(old) === making)) {
      const given = inputValues(field, kind, values);
      for (const [i, input] of [...old.querySelectorAll("input")].entries()) settle(input, given[i]);
      if (filter) old.open = true;
      return old;
    }
    const parts = kind === "in" ? choiceControl(field, values)
      : kind === "has" ? textControl(field, values) : endsControl(field, kind, values);
    const isOpen = filter || old?.open || (!here.length && n < OPEN_FIELDS);
    const made = make("details", {class: "field", open: Boolean(isOpen), "data-name": field.name, "data-kind": kind},
      make("summary", null, make("bdi", {lang: ""}, shownName(field.name))),
      make("div", {role: "group", "aria-label": shownName(field.name)}, ...parts));
    makings.set(made, making);
    return made;
  });
  if (shown.length !== here.length || shown.some((control, n) => control !== here[n])) {
    const place = $("fields").contains(active) ? [...$("fields").querySelectorAll("input, summary")].indexOf(active) : -1;
    // what stays is not moved: that loses the focus
    for (const control of here) if (!shown.includes(control)) control.remove();
    let before = null;
    for (const control of shown.toReversed()) {
      if (control.nextSibling !== before || !control.isConnected) $("fields").insertBefore(control, before);
      before = control;
    }
    if (place >= 0 && !active.isConnected) $("fields").querySelectorAll("input, summary")[place]?.focus();
  }
  settle($("where"), state.where);
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
