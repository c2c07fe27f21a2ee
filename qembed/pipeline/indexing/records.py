"""Records without a source: added one by one, kept by the index alone, deleted by what they say.

A folder can be read again; these records cannot. So a rebuild takes them from the present index, and
nothing but `forget` drops them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from qembed.errors import InputError
from qembed.pipeline.filters import Filters
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions, IndexSummary
from qembed.pipeline.indexing.sources import STDIN
from qembed.pipeline.indexing.update_derived import derive
from qembed.pipeline.progress import Progress
from qembed.store import Catalog, Snapshot, Writer
from qembed.store.compaction import compact

Record = Mapping[str, Any]


def add_records(
    root: Path,
    records: Iterable[Record],
    meta: Mapping[str, Any] | None = None,
    options: IndexOptions | None = None,
    progress: Progress | None = None,
) -> IndexSummary:
    """Adds records (`text`, perhaps `_id`, `title`; the rest is metadata) without looking at any source.

    `meta` is put beside what a record says itself. A record of a known id replaces the known one; one
    without an id is named by its content. What was added is found when this returns.
    Raises what `build` raises.
    """
    lines = [json.dumps({**(meta or {}), **r}, ensure_ascii=False).encode() for r in records]
    if not lines:
        raise InputError("nothing to add")
    return _take(root, io.BytesIO(b"\n".join(lines)), options, progress)


def add_lines(
    root: Path,
    stream: BinaryIO,
    meta: Mapping[str, Any] | None = None,
    options: IndexOptions | None = None,
    progress: Progress | None = None,
) -> IndexSummary:
    """The same for JSON lines, or plain ones: each line a record. Broken lines are in the summary."""
    return _take(root, io.BytesIO(b"".join(_worded(stream, meta or {}))), options, progress)


def _worded(stream: BinaryIO, meta: Mapping[str, Any]) -> Iterator[bytes]:
    """JSON lines with `meta` put in; line numbers stay, and what is broken stays as it is."""
    as_json: bool | None = None
    for line in stream:
        if as_json is None and line.strip():
            as_json = line.lstrip(b"\xef\xbb\xbf \t").startswith(b"{")
        if not line.strip():
            yield b"\n"
            continue
        try:
            record = json.loads(line) if as_json else {"text": line.decode("utf-8-sig").strip()}
            yield json.dumps({**meta, **record}, ensure_ascii=False).encode() + b"\n"
        except (ValueError, TypeError):
            yield line if line.endswith(b"\n") else line + b"\n"


def _take(
    root: Path, stream: BinaryIO, options: IndexOptions | None, progress: Progress | None
) -> IndexSummary:
    options = replace(options or IndexOptions(), paths=(STDIN,))
    return build(root, options, progress, stream)


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Forgotten:
    """What `forget` did. `documents`: ids, in order; `elsewhere`: how many matched that have a source."""

    documents: Sequence[str]
    elsewhere: int
    generation: int
    warnings: Sequence[str] = ()


def forget(
    root: Path,
    where: Sequence[str],
    *,
    wait: float = 0.0,
    dry_run: bool = False,
    purge: bool = False,
    progress: Progress | None = None,
) -> Forgotten:
    """Deletes the records without a source for which every expression holds.

    They are found no more when this returns. Their words lie in the index's files until those are next
    compacted; `purge` does that at once. Raises UsageError, NoIndex, IndexLocked.
    """
    if dry_run:
        with Snapshot.open(root) as snapshot:
            return _matching(snapshot, where)[0]
    with Writer(root, wait) as writer:
        opened = writer.snapshot()
        if opened is None:
            Snapshot.open(root).close()  # says that there is no index
            raise AssertionError("unreachable")
        with opened as snapshot:
            found, catalog = _matching(snapshot, where)
            if found.documents:
                _, rows = catalog.pointers()
                counts = {"documents": len(catalog), "passages": int(rows.sum())}
                found.generation = writer.commit(catalog, counts=counts).generation
        present = writer.snapshot()
        assert present is not None
        if purge:
            with present:
                compact(writer, present)
            found.generation = writer.forget_previous().generation
            present = writer.snapshot()
            assert present is not None
        with present:
            derive(present, progress)
    return found


def _matching(snapshot: Snapshot, where: Sequence[str]) -> tuple[Forgotten, Catalog]:
    """What matches, and the catalog without it."""
    import numpy as np

    chosen, warnings = Filters(snapshot).matching(where)
    sources = snapshot.catalog.columns("source", "id")
    own = np.fromiter((s == STDIN for s in sources["source"]), bool, len(chosen))
    going = chosen & own
    names = [sources["id"][i] for i in np.flatnonzero(going).tolist()]
    found = Forgotten(names, int((chosen & ~own).sum()), snapshot.manifest.generation, warnings)
    return found, snapshot.catalog.edit(~going, [])
