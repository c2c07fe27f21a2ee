"""Documents of a generation as an export needs them: fields, stamps, the kinds of their metadata."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.pipeline.source_options import STDIN
from qembed.store import Snapshot

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows

_HASHED = ("id", "source", "file", "digest", "first", "rows", "title", "meta", "mtime_ns")
RECORD = -1
"""Exported time of a record, whose file changes with every other record: `record_times` has it."""


@dataclass(frozen=True, slots=True)
class DocumentRows:
    """Living rows of a generation, ascending, and the stamp of each one's document: int64 (n,) both."""

    rows: Rows
    stamps: npt.NDArray[np.int64]


def full_source(snapshot: Snapshot, source: str) -> str:
    """Source as it is exported: a full path, `-` for records without one."""
    if source == STDIN:
        return source
    return os.path.normpath(snapshot.root.parent / source)


def stamp_documents(snapshot: Snapshot) -> DocumentRows:
    """Stamps of the documents, by row. A stamp is a hash of everything that can change of a document."""
    import numpy as np

    columns = snapshot.catalog.columns(*_HASHED)
    sources = {s: full_source(snapshot, s) for s in set(columns["source"])}
    columns["source"] = [sources[s] for s in columns["source"]]
    columns["digest"] = [d.hex() for d in columns["digest"]]
    lines = snapshot.catalog.columns("line")["line"]
    columns["mtime_ns"] = [
        exported_time(t, line) for t, line in zip(columns["mtime_ns"], lines, strict=True)
    ]
    stamps = np.fromiter(
        (_stamp(values) for values in zip(*(columns[c] for c in _HASHED), strict=True)),
        np.int64,
        len(snapshot.catalog),
    )
    rows = snapshot.rows_of(np.arange(len(snapshot.catalog), dtype=np.int64))
    return DocumentRows(rows, stamps[snapshot.positions_of(rows)] if len(rows) else rows)


def exported_time(mtime_ns: int, line: int | None) -> int:
    """Time of a document's file as it is exported. `line`: of a record, None for other documents."""
    return abs(mtime_ns) if line is None else RECORD


def record_times(snapshot: Snapshot) -> list[tuple[str, str, int]]:
    """Source, file and time of the files that hold records."""
    names = "source", "file", "mtime_ns", "line"
    columns = snapshot.catalog.columns(*names)
    found = {
        (source, file): abs(time)
        for source, file, time, line in zip(*(columns[n] for n in names), strict=True)
        if line is not None
    }
    return [(full_source(snapshot, s), f, t) for (s, f), t in found.items()]


def _stamp(values: Sequence[Any]) -> int:
    text = json.dumps(values, ensure_ascii=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def metadata_kinds(snapshot: Snapshot, most_elements: int | None = None) -> dict[str, str]:
    """Kinds of the metadata keys whose values are of one type: text, whole, real, truth or texts.

    Keys with numbers that are none, or with lists of more than `most_elements` texts, are left out.
    """
    found: dict[str, str] = {}
    for key, column in snapshot.catalog.fields.columns.items():
        kind = _kind(str(column.type))
        if kind == "real" and not all(v is None or math.isfinite(v) for v in column.to_pylist()):
            continue
        if kind == "texts" and most_elements is not None:
            lengths = (len(v) for v in column.to_pylist() if v is not None)
            if max(lengths, default=0) > most_elements:
                continue
        found[key] = kind
    return found


def _kind(arrow: str) -> str:
    plain = {"string": "text", "int64": "whole", "double": "real", "bool": "truth"}
    return plain.get(arrow, "texts")
