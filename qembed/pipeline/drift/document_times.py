"""Time of each document: its `date`, its `timestamp`, else when its file was changed; and `--since`."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.pipeline.diagnostics.status import parse_age
from qembed.search.filters.timespan import YEARS, time_span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.store import Catalog

    Times = npt.NDArray[np.int64]

FIELDS = ("date", "timestamp")
"""Metadata of records that say when they are from, the first that there is."""


@dataclass(frozen=True, slots=True)
class Since:
    """Beginning of what is new: a time in nanoseconds since 1970, or a generation after which it came."""

    text: str
    time_ns: int | None = None
    generation: int | None = None

    @property
    def said(self) -> str:
        """The words as they were given, of a span of time with the day, or the minute, where it begins."""
        if self.time_ns is None or not self.text[-1:].isalpha() or "T" in self.text:
            return f"since {self.text}"
        begin = datetime.fromtimestamp(self.time_ns / 1e9, UTC)
        form = "%Y-%m-%d" if self.text.endswith(("d", "w")) else "%Y-%m-%d %H:%M"
        return f"since {self.text} ({begin.strftime(form)})"


def parse_since(text: str, now: float | None = None) -> Since:
    """Parse `30d`, `2026-01-31`, or a number below 1970, which is a generation. Raises UsageError."""
    text = text.strip()
    if text.isdecimal() and int(text) < YEARS.start:
        return Since(text, generation=int(text))
    if text[:1].isdecimal() and text[-1:].isalpha() and "T" not in text:
        age = parse_age(text, "--since")
        return Since(text, time_ns=int(((time.time() if now is None else now) - age) * 1e9))
    try:
        return Since(text, time_ns=time_span(text)[0])
    except ValueError:
        raise UsageError(
            f"--since {text!r}: wanted a span of time (30d), a date (2026-01-31) or a generation (12)"
        ) from None


class DocumentTimes:
    """Times of documents, int64 (documents,), nanoseconds since 1970; 0: not known.

    `unread`: values of the fields that are no time, some of them.
    """

    def __init__(self, times: Times, unread: list[str]) -> None:
        self.times = times
        self.unread = unread

    def future(self, now: float, since: Since | None) -> dict[str, int]:
        """Number of documents that are from after now, by more than a day, by the side on which they count.

        `since`: what tells the sides apart, None for another folder or index; where it is no time, the
        number stands under "". Sides without any are left out.
        """
        late = self.times > int((now + 86400) * 1e9)
        if since is None or since.time_ns is None:
            found = {"": int(late.sum())}
        else:
            new = int((late & (self.times >= since.time_ns)).sum())
            found = {"new": new, "old": int(late.sum()) - new}
        return {side: n for side, n in found.items() if n}


def document_times(catalog: Catalog, field: str | None = None) -> DocumentTimes:
    """Read the times of all documents. `field`: the metadata that has them, instead of FIELDS.

    Raises UsageError for a field that no document has.
    """
    import numpy as np

    times = np.zeros(len(catalog), dtype=np.int64)
    unread: list[str] = []
    for name in (field,) if field else FIELDS:
        found = _field_times(catalog, name, unread)
        if found is None:
            if field:
                raise UsageError(f"--time-field {field}: no document has such a field")
            continue
        times = np.where(times == 0, found, times)
    return DocumentTimes(np.where(times == 0, catalog.times(), times), unread)


def _field_times(catalog: Catalog, name: str, unread: list[str]) -> Times | None:
    """Times by one field, 0 where there is none; None if no document has it."""
    import numpy as np

    column = catalog.field(name)
    if column is not None and not column.lists:
        codes, values = column.distinct()
        by_value = np.array([*(_time(v, unread) for v in values), 0], dtype=np.int64)
        return by_value[codes]
    metas: list[str] = catalog.columns("meta")["meta"]
    written = json.dumps(name)
    at = [i for i, meta in enumerate(metas) if written in meta]
    values = [json.loads(metas[i]).get(name) for i in at]
    if all(v is None for v in values):
        return None
    times = np.zeros(len(catalog), dtype=np.int64)
    times[at] = [0 if v is None else _time(v, unread) for v in values]
    return times


def _time(value: Any, unread: list[str]) -> int:
    try:
        return time_span(value)[0]
    except ValueError:
        if len(unread) < 5:
            unread.append(str(value)[:40])
        return 0
