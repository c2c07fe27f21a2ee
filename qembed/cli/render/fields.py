"""Metadata fields of an index as text, with values as they are written in filters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.pipeline.diagnostics.fields import FieldSummary

VALUES_COLUMNS = 160
"""Characters of a field's values: of longer ones fewer are shown, each whole, so that it can be copied."""
EXAMPLES = 3
"""Values shown of a built-in field whose values are all different: ids, paths, titles."""


def field_lines(summaries: Sequence[FieldSummary], documents: int) -> Iterator[str]:
    """Format each field in one line: name, documents that have it, types, range, the commonest values."""
    width = max((len(s.name) for s in summaries), default=0)
    for s in summaries:
        if s.documents:
            yield f"{s.name:{width}}  {_types(s)}, {_share(s, documents)}{_values(s)}"


def _types(s: FieldSummary) -> str:
    names = [kind for kind, _ in s.kinds.most_common() if kind != "list"]
    listed = " or ".join(names) or "empty"
    if names == ["text"] and s.holds_dates:
        listed = "text (dates)"
    return f"lists of {listed}" if s.kinds["list"] else listed


def _share(s: FieldSummary, documents: int) -> str:
    if s.documents == documents:
        return "in all documents"
    return f"in {s.documents:,} of {documents:,} documents"


def _values(s: FieldSummary) -> str:
    from qembed.pipeline.diagnostics.fields import VALUES_SHOWN, literal, long_texts

    values = s.values()
    if not values:
        return f": {long_texts(s.long)}" if s.long else ""
    limits = s.bounds()
    text = "" if limits is None else f", {literal(limits[0])} to {literal(limits[1])}"
    shown: list[str] = []
    each = s.name in ("id", "path", "title") and values[0][1] == 1
    for value, n in values[: EXAMPLES if each else VALUES_SHOWN]:
        written = f"{literal(value)} ({n:,})" if n > 1 else literal(value)
        if shown and len(", ".join([*shown, written])) > VALUES_COLUMNS:
            break
        shown.append(written)
    more = len(values) - len(shown)
    listed = [", ".join(shown), *([f"{more:,} more"] if more else [])]
    return f"{text}: {' and '.join([*listed, *([long_texts(s.long)] if s.long else [])])}"
