"""Filters: which documents an expression lets through.

    =  in       equal and of one type (numbers among themselves; true is no 1); a list: any element
    !=  not in  exactly the opposite, so documents without the field are let through
    <  <=  …    numbers with numbers, text with text (ISO dates in order of time); a list: any element
    glob        text; * any characters (also /), ? one, [abc] one of them; capitals count
    exists      the field is there and not null; `= null` is `not exists`

Comparing the order of types that nowhere in the index meet is an error, and so is a field that no
document has. Where some documents have the field or a comparable value, the others do not match and are
counted in a warning. Beside metadata (dots reach into objects) there are `id`, `path`, `suffix`, `title`
and `mtime`; a metadata key of such a name is reached in double quotes. A time compared with `mtime` stands
for as long as it is written: '2026-01-01' is that whole day, in local time unless it has an offset.
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qembed.search.filters.parser import (
    And,
    Compare,
    Exists,
    Expression,
    Field,
    In,
    Not,
    Or,
    Value,
    parse_expression,
)
from qembed.search.filters.timespan import stretch
from qembed.search.filters.typecheck import check, kind_of, name_of, tests_of
from qembed.search.filters.values import Column, Columns, Documents, is_built_in

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(slots=True)
class FilterResult:
    """Which documents pass, bool (n,), and what the user should know."""

    mask: Mask
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Where:
    """One or more expressions that must all hold. `texts` and `parts` go together."""

    texts: tuple[str, ...]
    parts: tuple[Expression, ...]

    @property
    def fields(self) -> tuple[Field, ...]:
        """Every field asked about, once."""
        found: dict[tuple[str, bool], Field] = {}
        for part in self.parts:
            for f, _, _ in tests_of(part):
                found.setdefault(f.key, f)
        return tuple(found.values())

    def __and__(self, other: Where) -> Where:
        return Where(self.texts + other.texts, self.parts + other.parts)

    def choose(self, documents: Documents) -> FilterResult:
        """Which documents pass. Raises UsageError for unknown fields and types that cannot meet."""
        import numpy as np

        mask = np.ones(len(documents), dtype=bool)
        warnings: list[str] = []
        for text, part in zip(self.texts, self.parts, strict=True):
            columns = Columns(documents, _candidates(part, documents))
            check(text, part, columns, warnings)
            passed = _evaluate(part, columns, len(columns))
            if columns.narrowed is None:
                mask &= passed
            else:
                inside = np.zeros(len(documents), dtype=bool)
                inside[columns.narrowed[passed]] = True
                mask &= inside
        return FilterResult(mask, list(dict.fromkeys(warnings)))


def parse(*texts: str) -> Where:
    """Expressions that must all hold. Raises UsageError that points at the column."""
    return Where(texts, tuple(parse_expression(t) for t in texts))


# ── truth ────────────────────────────────────────────────────────────────────────────────────────


def _candidates(e: Expression, documents: Documents) -> npt.NDArray[np.int64] | None:
    """Positions outside of which nothing passes, None where that does not leave out much.

    Where every field is a typed column there is nothing to leave out. Else what typed columns say comes
    first; and a text that a metadata field must equal stands, encoded, somewhere in the document's
    metadata: looking for it costs a tenth of decoding, and most filters name a user or a kind.
    """
    import numpy as np

    if _is_typed(e, documents):
        return None
    found: Mask | None = None
    for part in e.parts if isinstance(e, And) else (e,):
        if _is_typed(part, documents):
            holding = _evaluate(part, Columns(documents), len(documents))
        elif (needles := _needles(part)) is not None:
            holding = np.logical_or.reduce([documents.holding(needle) for needle in needles])
        else:
            continue
        found = holding if found is None else found & holding
    if found is None or found.sum() > len(found) // 2:
        return None
    return np.flatnonzero(found)


def _is_typed(e: Expression, documents: Documents) -> bool:
    """Whether an expression looks at nothing but typed columns and times."""
    return all(
        f.key == ("mtime", False) or documents.typed(f) is not None for f, _, _ in tests_of(e)
    )


def _needles(e: Expression) -> list[str] | None:
    """Stretches of JSON of which one is in the metadata of whatever passes; None if that cannot be said."""
    if isinstance(e, Compare) and e.sign == "=":
        wanted: tuple[Value, ...] = (e.value,)
    elif isinstance(e, In) and len(e.values) <= 8:
        wanted = e.values
    else:
        return None
    if is_built_in(e.field) or not all(isinstance(v, str) for v in wanted):
        return None
    return [json.dumps(v, ensure_ascii=False) for v in wanted]


def _evaluate(e: Expression, columns: Columns, n: int) -> Mask:
    import numpy as np

    if isinstance(e, Not):
        return ~_evaluate(e.inner, columns, n)
    if isinstance(e, (And, Or)):
        join = np.logical_and if isinstance(e, And) else np.logical_or
        found: Mask = join.reduce([_evaluate(p, columns, n) for p in e.parts])
        return found
    if e.field.key == ("mtime", False):
        return _times(e, columns.times())
    column = columns.typed(e.field)
    if column is not None:
        passed = _ask(column, e)
        return passed if columns.narrowed is None else passed[columns.narrowed]
    values = columns[e.field]
    if isinstance(e, Exists):
        return np.array([v is not None for v in values], dtype=bool)
    if isinstance(e, In):
        one = [_test("=", v) for v in e.values]
        if _same(values, e.values):
            return np.fromiter(map(frozenset(e.values).__contains__, values), bool, n)
        return np.fromiter((any(p(v) for p in one) for v in values), bool, n)
    if e.sign in _ORDER and e.value is not None and _same(values, (e.value,)):
        order, wanted = _ORDER[e.sign], e.value
        return np.array([v is not None and order(v, wanted) for v in values], dtype=bool)
    if e.sign == "=" and _same(values, (e.value,)):
        return np.array([v == e.value for v in values], dtype=bool)
    return np.fromiter(map(_test(e.sign, e.value), values), bool, n)


def _ask(column: Column, e: Compare | In | Exists) -> Mask:
    """A test of a typed column, bool (documents,)."""
    import numpy as np

    if isinstance(e, Exists):
        return column.present
    if isinstance(e, In):
        texts = [v for v in e.values if isinstance(v, str)]
        found = [_ask(column, Compare(e.field, "=", v)) for v in e.values if not isinstance(v, str)]
        if texts and column.type is str:
            found.append(column.among(texts))
        none: Mask = np.zeros(len(column.present), dtype=bool)
        either: Mask = np.logical_or.reduce([none, *found])
        return either
    if e.value is None:
        return ~column.present
    if kind_of(e.value) != name_of(column.type):
        return np.zeros(len(column.present), dtype=bool)
    return column.glob(str(e.value)) if e.sign == "glob" else column.compare(e.sign, e.value)


def _same(values: Sequence[Any], wanted: Sequence[Value]) -> bool:
    """Whether all are text, or all numbers, but for missing values: then Python compares them rightly."""
    types = set(map(type, values)) - {type(None)}
    asked = set(map(type, wanted))
    return any(types <= kind and asked <= kind for kind in ({str}, {int, float}))


def _test(sign: str, wanted: Value) -> Callable[[Any], bool]:
    """Whether one value passes."""
    if wanted is None:
        return lambda v: v is None
    kind = kind_of(wanted)
    if sign == "glob":
        pattern = str(wanted)
        if pattern.endswith("*") and not any(c in pattern[:-1] for c in "*?["):
            return _starting(pattern[:-1])
        match = re.compile(fnmatch.translate(str(wanted))).match

        def single(v: Any) -> bool:
            return type(v) is str and match(v) is not None
    elif sign == "=":

        def single(v: Any) -> bool:
            return v == wanted and kind_of(v) == kind
    else:
        order = _ORDER[sign]

        def single(v: Any) -> bool:
            return kind_of(v) == kind and order(v, wanted)

    return lambda v: any(map(single, v)) if type(v) is list else single(v)


def _starting(head: str) -> Callable[[Any], bool]:
    """`glob 'docs/*'`, without the machinery."""

    def single(v: Any) -> bool:
        return type(v) is str and v.startswith(head)

    return lambda v: any(map(single, v)) if type(v) is list else single(v)


def _times(e: Compare | In | Exists, at: npt.NDArray[np.int64]) -> Mask:
    """Modification times, int64 nanoseconds and 0 for unknown, against stretches of time."""
    import numpy as np

    known: Mask = at != 0
    if isinstance(e, Exists):
        return known
    if isinstance(e, In):
        tests = [_times(Compare(e.field, "=", v), at) for v in e.values]
        either: Mask = np.logical_or.reduce(tests)
        return either
    if e.value is None:
        return ~known
    first, after = stretch(e.value)
    inside: dict[str, Callable[[], Mask]] = {
        "=": lambda: (at >= first) & (at < after),
        "<": lambda: at < first,
        "<=": lambda: at < after,
        ">": lambda: at >= after,
        ">=": lambda: at >= first,
    }
    found: Mask = inside[e.sign]() & known
    return found
