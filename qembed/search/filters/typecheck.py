"""What a filter cannot mean, given the documents there are."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from qembed.errors import UsageError
from qembed.search.filters.parser import (
    And,
    Exists,
    Expression,
    Field,
    In,
    Not,
    Or,
    Value,
    complain,
)
from qembed.search.filters.timespan import stretch
from qembed.search.filters.values import BUILT_IN, Column, Columns, Documents, is_built_in

_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
}


def kind_of(value: Any) -> str:
    """What a person would call the type of a JSON value."""
    return name_of(type(value))


def name_of(kind: type) -> str:
    """What a person would call a type."""
    return _KINDS.get(kind, "null")


def tests_of(e: Expression) -> list[tuple[Field, str, Value]]:
    """(field, sign, value) of every test in an expression."""
    if isinstance(e, Not):
        return tests_of(e.inner)
    if isinstance(e, (And, Or)):
        return [t for part in e.parts for t in tests_of(part)]
    if isinstance(e, In):
        return [(e.field, "=", v) for v in e.values]
    return [(e.field, "exists", None)] if isinstance(e, Exists) else [(e.field, e.sign, e.value)]


def check(
    text: str,
    e: Expression,
    columns: Columns,
    warnings: list[str],
) -> None:
    """Raises UsageError for what cannot be meant, adds to `warnings` what may not be.

    Looks at the narrowed columns first: a field and a type that are there are there.
    """
    for f, sign, wanted in tests_of(e):
        if f.key == ("mtime", False):
            _check_time(text, f, sign, wanted)
            continue
        kind = "text" if sign == "glob" else kind_of(wanted)
        column = columns.typed(f)
        kinds = _kinds(columns[f]) if column is None else _column_kinds(column)
        if column is None and kind not in kinds and columns.narrowed is not None:
            kinds = _kinds(columns.full(f))
        if not kinds:
            if len(columns.documents) and not is_built_in(f):
                _unknown(text, f, columns.documents)
            continue
        if sign == "exists" or wanted is None:
            continue
        n, have = len(columns.documents), columns.having(f)
        if have < n:
            warnings.append(f"{f.name}: only {have:,} of {n:,} documents have this field")
        others = sorted(k for k, count in kinds.items() if k != kind and count)
        if not others:
            continue
        if kind not in kinds:
            what = f"{f.name} is {' or '.join(others)}, not {kind}"
            if sign != "=":
                complain(text, f.column, f"{what}: {sign} cannot compare them")
            warnings.append(f"{what}: nothing equals {json.dumps(wanted, ensure_ascii=False)}")
        elif sign != "=":
            count = sum(kinds[k] for k in others)
            warnings.append(f"{f.name}: {count:,} values are {' or '.join(others)}, not {kind}")


def _kinds(values: Sequence[Any]) -> Counter[str]:
    """How many values there are of each kind; those of lists are counted one by one."""
    types = Counter(map(type, values))
    lists = types.pop(list, 0)
    if lists:
        types.update(type(x) for v in values if type(v) is list for x in v)
    kinds: Counter[str] = Counter({"a list": 0} if lists else {})
    for t, count in types.items():
        if t is not type(None):
            kinds[_KINDS[t]] += count
    return kinds


def _column_kinds(column: Column) -> Counter[str]:
    """The same of a column."""
    kinds: Counter[str] = Counter({"a list": 0} if column.lists and column.present.any() else {})
    if column.values:
        kinds[name_of(column.type)] = column.values
    return kinds


def _check_time(text: str, f: Field, sign: str, wanted: Value) -> None:
    if sign == "exists" or wanted is None:
        return
    if sign == "glob":
        complain(text, f.column, "mtime is a time, not text: glob cannot match it")
    try:
        stretch(wanted)
    except ValueError as e:
        complain(text, f.column, f"mtime is a time: {e}")


def _unknown(text: str, f: Field, documents: Documents) -> None:
    import difflib

    known: dict[str, None] = {}
    for meta in dict.fromkeys(documents["meta"]):
        if meta:
            known.update(dict.fromkeys(json.loads(meta)))
    names = [*sorted(known), *BUILT_IN]
    near = difflib.get_close_matches(f.name, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    shown = ", ".join(names[:40]) + (", …" if len(names) > 40 else "")
    try:
        complain(text, f.column, f"no document has a field {f.name}{hint}")
    except UsageError as e:
        raise UsageError(f"{e}\n  known fields: {shown}") from None
