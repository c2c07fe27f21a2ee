"""Tests of one field, for all documents at once: on a typed column, on times, on decoded values."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from qembed.search.filters.parser import Compare, Exists, In, Value
from qembed.search.filters.timespan import time_span
from qembed.search.filters.values import Column

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Mask = npt.NDArray[np.bool_]

_TYPES: dict[type, frozenset[type]] = {
    str: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int, float}),
    float: frozenset({int, float}),
}
"""Type of a literal -> types of values it can be compared with: true is no 1."""
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Predicates(Protocol):
    """Tests of one field. All masks are bool (documents,)."""

    @property
    def present(self) -> Mask:
        """Documents with a value that is not null."""

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents with a value of the literal's type that passes `= < <= > >= glob`."""

    def among(self, wanted: Sequence[Value]) -> Mask:
        """Documents with a value equal to any of the literals."""


def passing(test: Compare | In | Exists, field: Predicates) -> Mask:
    """Evaluate one test of a field, bool (documents,)."""
    if isinstance(test, Exists):
        return field.present
    if isinstance(test, In):
        return field.among(test.values)
    return ~field.present if test.value is None else field.compare(test.sign, test.value)


def _any_of(field: Predicates, wanted: Sequence[Value]) -> Mask:
    """Documents equal to any of the literals; none for no literal."""
    import numpy as np

    none = np.zeros(len(field.present), dtype=bool)
    each = [~field.present if v is None else field.compare("=", v) for v in wanted]
    found: Mask = np.logical_or.reduce([none, *each])
    return found


class ColumnPredicates:
    """Tests on a typed column. `narrowed`: positions of the documents looked at, None for all."""

    def __init__(self, column: Column, narrowed: npt.NDArray[np.int64] | None) -> None:
        self._column = column
        self._narrowed = narrowed

    @property
    def present(self) -> Mask:
        """Documents with a value."""
        return self._at(self._column.present)

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents with a value that passes; none if the column is of another type."""
        if self._column.type not in _TYPES[type(wanted)]:
            return _any_of(self, [])
        found = (
            self._column.glob(str(wanted)) if sign == "glob" else self._column.compare(sign, wanted)
        )
        return self._at(found)

    def among(self, wanted: Sequence[Value]) -> Mask:
        """Documents with one of the values; texts are looked up together."""
        texts = [v for v in wanted if isinstance(v, str)]
        found = _any_of(self, [v for v in wanted if not isinstance(v, str)])
        if texts and self._column.type is str:
            found |= self._at(self._column.among(texts))
        return found

    def _at(self, mask: Mask) -> Mask:
        return mask if self._narrowed is None else mask[self._narrowed]


class TimePredicates:
    """Tests on modification times, int64 (documents,) nanoseconds, 0 where unknown."""

    def __init__(self, times: npt.NDArray[np.int64]) -> None:
        self._times = times

    @property
    def present(self) -> Mask:
        """Documents with a known time."""
        known: Mask = self._times != 0
        return known

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents whose time is in, before or after the time span that the literal writes."""
        first, after = time_span(wanted)
        inside: dict[str, Callable[[], Mask]] = {
            "=": lambda: (self._times >= first) & (self._times < after),
            "<": lambda: self._times < first,
            "<=": lambda: self._times < after,
            ">": lambda: self._times >= after,
            ">=": lambda: self._times >= first,
        }
        found: Mask = inside[sign]() & self.present
        return found

    def among(self, wanted: Sequence[Value]) -> Mask:
        """Documents whose time is in one of the time spans."""
        return _any_of(self, wanted)


class ValuePredicates:
    """Tests on decoded JSON values, one a document, None for none; a list passes by any element."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = values

    @property
    def present(self) -> Mask:
        """Documents with a value."""
        import numpy as np

        return np.array([v is not None for v in self._values], dtype=bool)

    def compare(self, sign: str, wanted: str | int | float | bool) -> Mask:
        """Documents with a value, or an element of a list, that passes."""
        import numpy as np

        return np.fromiter(map(_test(sign, wanted), self._values), bool, len(self._values))

    def among(self, wanted: Sequence[Value]) -> Mask:
        """Documents with one of the values, or with an element that is one."""
        return _any_of(self, wanted)


def _test(sign: str, wanted: str | int | float | bool) -> Callable[[Any], bool]:
    """Compile a comparison with a literal to a function of one value."""
    types = _TYPES[type(wanted)]
    if sign == "glob":
        match = re.compile(fnmatch.translate(str(wanted))).match

        def single(v: Any) -> bool:
            return type(v) in types and match(v) is not None
    else:
        order = _OPERATORS[sign]

        def single(v: Any) -> bool:
            return type(v) in types and order(v, wanted)

    return lambda v: any(map(single, v)) if type(v) is list else single(v)
