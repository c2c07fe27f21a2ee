"""`--where` on rows of a feedback log, in the language of the documents' filters."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.text_hash import hash_text, is_hashed
from qembed.feedback.times import format_time
from qembed.search.filters.evaluate import parse
from qembed.search.filters.typecheck import tests_of
from qembed.search.filters.values import Documents

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FIELDS: Mapping[str, str] = {
    "kind": "query or event",
    "query": "the query's text",
    "query_id": "of a query, and of its events",
    "event_id": "of an event",
    "action": "of an event",
    "object_id": "of an event",
    "client_id": "who asked or did it",
    "client_kind": "person, agent or test",
    "session_id": "of both",
    "user_id": "of an event",
    "application": "of an imported query",
    "source": "of an event",
    "time": "ISO 8601, UTC: time < '2026-01-01'",
}
"""Fields of a row that a filter may name."""


class RowFilter:
    """Expressions that must all hold. `key`: of hashed texts, None where there are none.

    Raises UsageError for a syntax error and for a field that rows do not have.
    """

    def __init__(self, texts: Sequence[str], key: bytes | None) -> None:
        self._where = parse(*texts)
        self.unseen = 0
        """Hashed texts that a comparison other than = and `in` cannot see."""
        known: list[str] = []
        self._looks_inside = False
        for part in self._where.parts:
            for field, sign, value in tests_of(part):
                if field.name not in FIELDS:
                    listed = ", ".join(FIELDS)
                    raise UsageError(
                        f"--where: rows of the log have no {field.name} (known: {listed})"
                    )
                if field.name == "query" and isinstance(value, str):
                    self._looks_inside |= sign not in ("=", "!=")
                    known.append(value)
        self._texts = {} if key is None else {hash_text(text, key): text for text in known}

    def matching(self, records: Sequence[LoggedQuery | Event]) -> npt.NDArray[np.bool_]:
        """Records for which every expression holds, bool (n,). Raises UsageError for types that differ."""
        import numpy as np

        rows = [self._fields(record) for record in records]
        # a row with all fields: one that none of these has is no mistake of the filter
        metas = [json.dumps(row, ensure_ascii=False) for row in [*rows, dict.fromkeys(FIELDS, "0")]]
        times = np.array([int(r.time * 1e9) for r in records] + [0], dtype=np.int64)
        empty = [""] * len(metas)
        documents = Documents(
            len(metas), lambda name: metas if name == "meta" else empty, lambda: times
        )
        return self._where.choose(documents).mask[:-1]

    def _fields(self, record: LoggedQuery | Event) -> dict[str, Any]:
        found: dict[str, Any] = {
            name: value
            for name in FIELDS
            if (value := getattr(record, name, None)) is not None and value != ""
        }
        found["time"] = format_time(record.time)
        if isinstance(record, Event):
            return {**found, "kind": "event"}
        text = self._texts.get(record.text, record.text)
        self.unseen += self._looks_inside and is_hashed(text)
        return {**found, "kind": "query", "query": text}
