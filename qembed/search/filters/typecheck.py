"""Type checks of a filter against the documents of an index: errors and warnings."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from qembed.errors import WrongFilter
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
from qembed.search.filters.timespan import time_span
from qembed.search.filters.values import Column, Columns, Documents, is_built_in

NAMES_SHOWN = 40
"""Known fields listed under an unknown one."""
UNKNOWN_SHOWN = 3
"""Values that no document has, named with similar ones, of one expression's field."""
_KINDS = {
    str: "text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
"""Names of JSON types in messages."""


def tests_of(e: Expression) -> list[tuple[Field, str, Value]]:
    """List (field, sign, value) of every test in an expression; `exists` has the value None."""
    if isinstance(e, Not):
        return tests_of(e.inner)
    if isinstance(e, (And, Or)):
        return [t for part in e.parts for t in tests_of(part)]
    if isinstance(e, In):
        return [(e.field, "=", v) for v in e.values]
    return [(e.field, "exists", None)] if isinstance(e, Exists) else [(e.field, e.sign, e.value)]


def check(text: str, e: Expression, columns: Columns, warnings: list[str]) -> None:
    """Check every test of an expression. Adds to `warnings`; raises WrongFilter for what can never match."""
    unknown: dict[tuple[str, bool], list[Value]] = {}
    for f, sign, wanted in tests_of(e):
        if f.key == ("mtime", False):
            _check_time(text, f, sign, wanted)
            continue
        wanted_kind = _KINDS[type(wanted)]
        kinds = _kinds_of(f, wanted_kind, columns)
        if not kinds:
            if len(columns.documents) and not is_built_in(f):
                _unknown_field(text, f, columns.documents)
        elif sign != "exists" and wanted is not None:
            _check_coverage(f, columns, warnings)
            _check_kind(text, (f, sign, wanted), kinds, warnings)
            if sign == "glob" and is_built_in(f) and f.name == "path":
                _check_path_pattern(f, str(wanted), columns, warnings)
            if sign == "=" and wanted_kind in kinds and not _is_known(f, wanted, columns):
                unknown.setdefault(f.key, []).append(wanted)
    for f in {f.key: f for f, _, _ in tests_of(e) if f.key in unknown}.values():
        _tell_unknown(f, unknown[f.key], columns, warnings)


def _kinds_of(f: Field, wanted: str, columns: Columns) -> Counter[str]:
    """Count the values of each kind in a field; {} if no document has it.

    Decodes the documents looked at first: only if the wanted kind is not among them, all.
    """
    column = columns.typed(f)
    if column is not None:
        return _column_kinds(column)
    kinds = _value_kinds(columns[f])
    if wanted not in kinds and columns.narrowed is not None:
        kinds = _value_kinds(columns.full(f))
    return kinds


def _value_kinds(values: Sequence[Any]) -> Counter[str]:
    """Count decoded values by kind; those of lists are counted one by one, and "a list" is there with 0."""
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
    """Count the values of a typed column in the same way."""
    kinds: Counter[str] = Counter({"a list": 0} if column.lists and column.present.any() else {})
    if column.values:
        kinds[_KINDS[column.type]] = column.values
    return kinds


def _check_coverage(f: Field, columns: Columns, warnings: list[str]) -> None:
    """Warn if only some documents have the field."""
    warnings += coverage_warning(f, columns.having(f), len(columns.documents))


def coverage_warning(f: Field, having: int, documents: int) -> list[str]:
    """Message that only some documents have a field; [] if all have it."""
    if having >= documents:
        return []
    have = "has" if having == 1 else "have"
    return [f"{f.name}: only {having:,} of {documents:,} documents {have} this field"]


def _check_kind(
    text: str, test: tuple[Field, str, Value], kinds: Counter[str], warnings: list[str]
) -> None:
    """Warn of values that the test cannot compare; raise WrongFilter if no value can be ordered."""
    f, sign, wanted = test
    kind = _KINDS[type(wanted)]
    others = sorted(k for k, count in kinds.items() if k != kind and count)
    if not others:
        return
    if kind not in kinds:
        what = f"{f.name} is {' or '.join(others)}, not {kind}"
        if sign != "=":
            quoted = f" (a text stands in quotes: '{wanted}')" if others == ["text"] else ""
            complain(text, f.column, f"{what}: {sign} cannot compare them{quoted}")
        warnings.append(f"{what}: nothing equals {json.dumps(wanted, ensure_ascii=False)}")
    elif sign != "=":
        count = sum(kinds[k] for k in others)
        are = "value is" if count == 1 else "values are"
        warnings.append(f"{f.name}: {count:,} {are} {' or '.join(others)}, not {kind}")


def _check_path_pattern(f: Field, pattern: str, columns: Columns, warnings: list[str]) -> None:
    """Warn of a pattern that no path matches, with some of the paths: they are relative to their sources."""
    from qembed.search.filters.field_values import known_values, literal
    from qembed.search.filters.predicates import ValuePredicates

    column = columns.typed(f)
    if column is None:
        matching = ValuePredicates(columns.full(f)).compare("glob", pattern)
    else:
        matching = column.glob(pattern)
    if matching.any():
        return
    said = known_values(pattern, *_counts(f, columns))
    warnings.append(
        f"{f.name}: no document matches {literal(pattern)}; paths are relative to their source, {said}"
    )


def _is_known(f: Field, wanted: Value, columns: Columns) -> bool:
    """True if a document has the value, or if only decoding all documents could tell."""
    column = columns.typed(f)
    if column is not None:
        return bool(column.compare("=", wanted).any())  # type: ignore[arg-type]
    needle = json.dumps(wanted, ensure_ascii=False)
    return _has_value(columns[f], wanted) or (
        # to decode all documents would take longer than the search
        columns.narrowed is not None and bool(columns.documents.holding(needle).any())
    )


def _counts(f: Field, columns: Columns) -> tuple[list[tuple[Any, int]], int]:
    """(values of a field with their numbers, the commonest first; number of long texts beside them)."""
    from qembed.search.filters.field_values import FieldSummary

    if (column := columns.typed(f)) is not None:
        return column.counts(), 0
    summary = FieldSummary(f.name)
    for value in columns.full(f):
        if value is not None:
            summary.add(value)
    return summary.values(), summary.long


def _tell_unknown(f: Field, wanted: Sequence[Value], columns: Columns, warnings: list[str]) -> None:
    """Warn of values that no document has, of the first ones with those that are most like them."""
    from qembed.search.filters.field_values import known_values, literal

    counts, long = _counts(f, columns)
    if not counts and not long:
        return
    for value in wanted[:UNKNOWN_SHOWN]:
        said = known_values(value, counts, long)
        warnings.append(f"{f.name}: no document has {literal(value)}; {said}")
    if (more := len(wanted) - UNKNOWN_SHOWN) > 0:
        warnings.append(f"{f.name}: no document has {more:,} more of these values")


def _has_value(values: Sequence[Any], wanted: Value) -> bool:
    """True if a value, or an element of a list, equals `wanted`; true is no 1."""
    flat = (v for value in values for v in (value if isinstance(value, list) else [value]))
    return any(v == wanted and (type(v) is bool) is (type(wanted) is bool) for v in flat)


def _check_time(text: str, f: Field, sign: str, wanted: Value) -> None:
    if sign == "exists" or wanted is None:
        return
    if sign == "glob":
        complain(text, f.column, "mtime is a time, not text: glob cannot match it")
    try:
        time_span(wanted)
    except ValueError as e:
        complain(text, f.column, f"mtime is a time: {e}")


def _unknown_field(text: str, f: Field, documents: Documents) -> None:
    """Raise WrongFilter with the known fields and the one most like it."""
    import difflib

    from qembed.search.filters.field_values import field_names

    names = field_names(documents)
    near = difflib.get_close_matches(f.name, names, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    shown = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "")
    try:
        complain(text, f.column, f"no document has a field {f.name}{hint}")
    except WrongFilter as e:
        raise WrongFilter(f"{e}\n  known fields: {shown}") from None
