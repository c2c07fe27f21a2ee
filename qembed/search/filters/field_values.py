"""Values of metadata fields, summarised so that a filter can be written: types, range, the commonest ones."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from qembed.search.filters.parser import KEYWORDS
from qembed.search.filters.values import BUILT_IN, Documents

VALUES_SHOWN = 10
"""Values named in a summary or a message."""
DATE = "date"
"""Type of `mtime` in a summary: compared as a time, not as text."""
MAX_COMPARED = 5000
"""Distinct values among which similar ones are looked for: beyond, it takes noticeable time."""
NEAREST = 3
"""Similar values named in a message."""
SHORT_TEXT = 30
"""Characters of a text of which VALUES_SHOWN fit into a message; of longer ones it has LONG_SHOWN."""
LONG_SHOWN = 3
LONG_TEXT = 200
"""Characters up to which a text is listed as a value; longer ones are counted."""
KINDS = {str: "text", bool: "boolean", int: "number", float: "number"}
_BARE_NAME = re.compile(r"[^\W\d][\w\-]*(\.[\w\-]+)*")
_DATE = re.compile(r"\d{4}-\d\d(-\d\d([T ].*)?)?")


def literal(value: Any) -> str:
    """Value as it is written in a filter."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a column of numbers may have stored it as either
    return json.dumps(value)


def is_long(value: Any) -> bool:
    """True for a text that is too long to be listed."""
    return isinstance(value, str) and len(value) > LONG_TEXT


def long_texts(count: int) -> str:
    """Count of texts that are too long to be listed, as a value in a list of values."""
    return f"{count:,} {'text' if count == 1 else 'texts'} of more than {LONG_TEXT} characters"


def name_in_filter(name: str, *, built_in: bool = False) -> str:
    """Field name as it is written in a filter: quoted where a bare one would mean something else."""
    taken = not built_in and name in BUILT_IN
    if _BARE_NAME.fullmatch(name) and not taken and name.lower() not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


@dataclass(slots=True)
class FieldSummary:
    """Values of one field. `name`: as written in a filter.

    `documents`: number of those that have the field. `kinds`: values by type, those of lists one by one.
    `counts`: values that can be compared, and how often each occurs, without long texts; `long`: number of
    these.
    """

    name: str
    documents: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    counts: Counter[Any] = field(default_factory=Counter)
    long: int = 0

    def add(self, value: Any, kind_of: str = "") -> None:
        """Count the value of one document. `kind_of`: its type, if not that of the value."""
        self.documents += 1
        for one in value if isinstance(value, list) else [value]:
            kind = KINDS.get(type(one), "object")
            self.kinds[kind_of or kind] += 1
            if is_long(one):
                self.long += 1
            elif kind != "object":
                # in a Counter True would be 1
                self.counts[kind == "boolean", one] += 1
        if isinstance(value, list):
            self.kinds["list"] += 1

    def values(self) -> list[tuple[Any, int]]:
        """Values with their numbers, the commonest first, then in order."""
        found = ((value, n) for (_, value), n in self.counts.items())
        return sorted(found, key=lambda x: (-x[1], KINDS[type(x[0])], x[0]))

    @property
    def holds_dates(self) -> bool:
        """True if all values are texts that are dates: these sort by time."""
        values = [value for _, value in self.counts]
        return bool(values) and all(isinstance(v, str) and _DATE.fullmatch(v) for v in values)

    def bounds(self) -> tuple[Any, Any] | None:
        """(least, greatest) of numbers, and of texts that are dates; None for values of other types."""
        values = [value for _, value in self.counts]
        numbers = [v for v in values if type(v) in (int, float)]
        if self.holds_dates:
            return min(values), max(values)
        return (min(numbers), max(numbers)) if numbers and len(numbers) == len(values) else None

    def to_json(self) -> dict[str, Any]:
        """Documented fields."""
        low, high = self.bounds() or (None, None)
        return {
            "name": self.name,
            "documents": self.documents,
            "types": dict(self.kinds),
            "distinct": len(self.counts),
            "min": low,
            "max": high,
            "values": [{"value": v, "count": n} for v, n in self.values()[:VALUES_SHOWN]],
            "long": self.long,
        }


def summarize_fields(documents: Documents) -> list[FieldSummary]:
    """Summaries of the metadata fields of all documents by name, then of the built-in ones.

    An empty title is none.
    """
    found: dict[str, FieldSummary] = {}
    for meta in documents["meta"]:
        for name, value in flat_fields(json.loads(meta)) if meta else ():
            found.setdefault(name, FieldSummary(name_in_filter(name))).add(value)
    own = {name: FieldSummary(name) for name in BUILT_IN}
    for name in ("id", "path", "title"):
        for value in documents[name]:
            if value:
                own[name].add(value)
    for path in documents["path"]:
        leaf = path.rpartition("/")[2]
        own["suffix"].add("." + leaf.rpartition(".")[2] if "." in leaf[1:] else "")
    for nanoseconds in documents.times().tolist():
        if nanoseconds:
            own["mtime"].add(_local_day(nanoseconds), DATE)
    return [*(found[name] for name in sorted(found)), *own.values()]


def field_names(documents: Documents) -> list[str]:
    """Names of all fields as a filter writes them, in the order of `summarize_fields`."""
    found: set[str] = set()
    for meta in dict.fromkeys(documents["meta"]):
        if meta:
            found.update(name for name, _ in flat_fields(json.loads(meta)))
    return [*(name_in_filter(name) for name in sorted(found)), *BUILT_IN]


def _local_day(nanoseconds: int) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(nanoseconds / 1e9).astimezone().date().isoformat()


def flat_fields(meta: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (name, value) of an object's fields; names of inner ones are joined by dots."""
    for name, value in meta.items():
        if isinstance(value, dict):
            yield from flat_fields(value, f"{above}{name}.")
        elif value is not None:
            yield above + name, value


def known_values(wanted: Any, counts: Sequence[tuple[Any, int]], long: int = 0) -> str:
    """Part of a message that no document has the value `wanted`: similar and common values, each whole.

    `counts`: values with their numbers, the commonest first; `long`: number of long texts beside them. Long
    texts are counted, unless they are similar.
    """
    values: Sequence[Any] = [v for v, _ in counts]
    near = nearest(wanted, values) if isinstance(wanted, str) else []
    short = [v for v in values if v not in near and not is_long(v)]
    shown = [*near, *short][:VALUES_SHOWN]
    if all(isinstance(v, str) and len(v) > SHORT_TEXT for v in shown):
        shown = shown[:LONG_SHOWN]
    listed = [", ".join(map(literal, shown))] if shown else []
    if left := len(near) + len(short) - len(shown):
        listed.append(f"{left:,} more")
    if long := long + sum(n for v, n in counts if is_long(v) and v not in near):
        listed.append(long_texts(long))
    found = " and ".join(listed)
    return f"known values: {found}" + ("" if shown else " (glob 'begin*' finds one by a part)")


def nearest(wanted: str, values: Sequence[Any]) -> list[str]:
    """At most NEAREST texts that are most like `wanted`.

    First the parts of a path: those that one ends where the other does, and that begin like `wanted`, which
    may have been cut (`…`); then similar spellings, looked for among MAX_COMPARED values at most.
    """
    begun = wanted.rstrip("…").casefold()
    texts = [v for v in values if isinstance(v, str) and v]
    ends = [v for v in texts if f"/{wanted}".endswith(f"/{v}") or f"/{v}".endswith(f"/{wanted}")]
    ends.sort(key=lambda v: abs(len(v) - len(wanted)))
    starts = [v for v in texts if begun and v.casefold().startswith(begun)]
    close: list[str] = []
    if len(values) <= MAX_COMPARED:
        import difflib

        folded = {v.casefold(): v for v in reversed(texts)}
        found = difflib.get_close_matches(wanted.casefold(), folded, NEAREST, 0.75)
        close = [folded[name] for name in found]
    return list(dict.fromkeys([*ends[:NEAREST], *close, *starts[:NEAREST]]))[:NEAREST]
