"""Filters as expressions of Milvus, where these select the same passages.

`not` is pushed down to the tests, and each is told what a missing value means: Milvus drops a passage where
a test meets none, here a negated one lets it through. What Milvus would answer otherwise, or cannot ask, is
Untranslatable: such a filter is evaluated here, over the documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.engines.fields import MetadataField
from qembed.engines.milvus.schema import MAX_BYTES
from qembed.search.filters.parser import And, Compare, Exists, Expression, Field, In, Not, Or, Value
from qembed.search.filters.timespan import time_span
from qembed.search.filters.values import is_built_in

EXACT = 2**53
"""Whole numbers up to which fractions hold each exactly."""
ALL, NONE = "row >= 0", "row < 0"
_TEXT_FIELDS = {"id": "document", "title": "title", "suffix": "suffix"}
_OPPOSITE = {"=": "!=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Untranslatable(Exception):
    """Raised for a filter that Milvus cannot evaluate as we do."""


@dataclass(frozen=True, slots=True)
class FilterFields:
    """Columns that filters may name. `record_times`: source, file and time of the files with records."""

    metadata: Mapping[str, MetadataField]
    record_times: Sequence[tuple[str, str, int]] = ()

    def translate(self, e: Expression, holds: bool = True) -> str:
        """Expression of Milvus for one of ours, or for its negation. Raises Untranslatable."""
        if isinstance(e, Not):
            return self.translate(e.inner, not holds)
        if isinstance(e, (And, Or)):
            word = " and " if isinstance(e, And) is holds else " or "
            return "(" + word.join(self.translate(p, holds) for p in e.parts) + ")"
        return self._test(e, holds)

    def _test(self, e: Compare | In | Exists, holds: bool) -> str:
        if e.field.key == ("mtime", False):
            return self._time(e, holds)
        column, kind = self._column(e.field)
        present = ALL if is_built_in(e.field) else f"{column} is not null"
        absent = NONE if is_built_in(e.field) else f"{column} is null"
        if isinstance(e, Exists) or (isinstance(e, Compare) and e.value is None):
            return present if isinstance(e, Exists) is holds else absent
        if isinstance(e, In):
            return self._among(e.values, column, kind, (present, absent), holds)
        if kind == "texts":
            positive = _elements(column, e.sign, [e.value])
            return positive if holds else f"({absent} or not {positive})"
        if e.sign == "glob":
            pattern = f"{column} like {_like(e.value)}" if kind == "text" else _refuse()
            return f"({pattern})" if holds else f"({absent} or not ({pattern}))"
        sign = ("==" if e.sign == "=" else e.sign) if holds else _OPPOSITE[e.sign]
        if kind == "truth" and e.sign != "=":
            raise Untranslatable
        test = f"{column} {sign} {_literal(e.value, kind)}"
        return f"({test})" if holds else f"({absent} or {test})"

    def _among(
        self, values: Sequence[Value], column: str, kind: str, null: tuple[str, str], holds: bool
    ) -> str:
        """Test whether a field has one of the values; `null`: that it is there, that it is not."""
        present, absent = null
        wanted = [v for v in values if v is not None]
        parts = [absent] if len(wanted) < len(values) else []
        if wanted and kind == "texts":
            parts.append(_elements(column, "=", wanted))
        elif wanted and kind == "truth":
            parts += [f"{column} == {_literal(v, kind)}" for v in wanted]
        elif wanted:
            parts.append(f"{column} in [{', '.join(_literal(v, kind) for v in wanted)}]")
        positive = "(" + " or ".join(parts) + ")"
        if holds:
            return positive
        if len(wanted) < len(values):  # null is among them: a value must be there
            inner = [f"not {p}" if p.startswith("(") else f"not ({p})" for p in parts[1:]]
            return "(" + " and ".join([present, *inner]) + ")"
        return f"({absent} or not {positive})"

    def _column(self, f: Field) -> tuple[str, str]:
        """(column, kind) of a field. Raises Untranslatable for paths, and for keys without a column."""
        if is_built_in(f):
            if f.name not in _TEXT_FIELDS:
                raise Untranslatable
            return _TEXT_FIELDS[f.name], "text"
        known = self.metadata.get(f.name)
        if known is None or ("." in f.name and not f.literal):
            raise Untranslatable
        return known.column, known.kind

    # ── times ────────────────────────────────────────────────────────────────────────────────────

    def _time(self, e: Compare | In | Exists, holds: bool) -> str:
        """Test of a time: of the document's file, or of the file with the record."""
        try:
            passes = _time_test(e)
        except ValueError:
            raise Untranslatable from None
        files = [f"(mtime_ns > 0 and {passes.text})", "mtime_ns == 0" if passes.on(0) else NONE]
        for source, file, time in self.record_times:
            if passes.on(time):
                place = f"source == {_text(source)} and file == {_text(file)}"
                files.append(f"(mtime_ns == -1 and {place})")
        positive = "(" + " or ".join(files) + ")"
        return positive if holds else f"(not {positive})"


@dataclass(frozen=True, slots=True)
class _TimeTest:
    """Test of a time as text and as a function; of 0 for a time that is not known."""

    text: str
    on: Callable[[int], bool]


def _time_test(e: Compare | In | Exists) -> _TimeTest:
    if isinstance(e, Exists):
        return _TimeTest("mtime_ns > 0", bool)
    if isinstance(e, In):
        tests = [_one_time("=", v) for v in e.values]
        text = " or ".join(t.text for t in tests)
        return _TimeTest(f"({text})", lambda time: any(t.on(time) for t in tests))
    return _one_time(e.sign, e.value)


def _one_time(sign: str, value: Value) -> _TimeTest:
    if value is None:
        return _TimeTest(NONE, lambda time: not time)
    first, after = time_span(value)
    bounds: dict[str, tuple[str, Callable[[int], bool]]] = {
        "=": (f"(mtime_ns >= {first} and mtime_ns < {after})", lambda t: first <= t < after),
        "<": (f"mtime_ns < {first}", lambda t: t < first),
        "<=": (f"mtime_ns < {after}", lambda t: t < after),
        ">": (f"mtime_ns >= {after}", lambda t: t >= after),
        ">=": (f"mtime_ns >= {first}", lambda t: t >= first),
    }
    if sign not in bounds:
        raise Untranslatable
    text, on = bounds[sign]
    return _TimeTest(text, lambda time: bool(time) and on(time))


# ── values ───────────────────────────────────────────────────────────────────────────────────────


def _refuse() -> str:
    raise Untranslatable


def _elements(column: str, sign: str, values: Sequence[Value]) -> str:
    if sign != "=":
        raise Untranslatable
    return f"array_contains_any({column}, [{', '.join(_literal(v, 'text') for v in values)}])"


def _literal(value: Value, kind: str) -> str:
    """A value of a column's kind as Milvus writes it. Raises Untranslatable for another kind's."""
    if kind == "truth":
        return str(value).lower() if isinstance(value, bool) else _refuse()
    if kind == "text":
        return _text(value) if isinstance(value, str) else _refuse()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Untranslatable
    if isinstance(value, float):
        # of whole numbers, only a comparison with a whole one is exact
        if kind == "whole" or not re.fullmatch(r"-?\d+\.\d+", repr(value)):
            raise Untranslatable
        return repr(value)
    if abs(value) > (EXACT if kind == "real" else 2**63 - 1):
        raise Untranslatable
    return str(value) if kind == "whole" else f"{value}.0"


def _text(value: Any) -> str:
    if (
        not isinstance(value, str)
        or not value.isprintable()
        or len(value.encode("utf-8", "replace")) > MAX_BYTES
    ):
        raise Untranslatable
    return json.dumps(value, ensure_ascii=False)


def _like(pattern: Any) -> str:
    """Pattern of `like` for one of ours with * at its ends only."""
    if not isinstance(pattern, str):
        raise Untranslatable
    inner = pattern.strip("*")
    if not inner or re.search(r"[*?\[%_\\]", inner):
        raise Untranslatable
    head = "%" if pattern.startswith("*") else ""
    tail = "%" if pattern.endswith("*") else ""
    return _text(f"{head}{inner}{tail}")
