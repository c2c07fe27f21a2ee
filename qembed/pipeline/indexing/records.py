"""Records without a source: added one by one, stored in the index only, deleted by a filter.

A folder can be read again; these records cannot. So a rebuild takes them from the present index, and only
`forget` deletes them.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from qembed.corpus import ReadOptions, read_lines
from qembed.corpus.readers.json_records import JsonParser, document
from qembed.corpus.text_lines import MAX_LINE, TextLines
from qembed.errors import InputError
from qembed.pipeline.filters import Filters
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.derived.update import update_derived
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.source_options import STDIN
from qembed.store import Catalog, Snapshot, Writer
from qembed.store.compaction import compact
from qembed.store.damage.noticed import refuse_damaged
from qembed.store.manifest import require_index
from qembed.types import Document, ReadItem, Unreadable

Record = Mapping[str, Any]
OWN_FIELDS = frozenset({"_id", "id", "title", "text"})
"""Fields of a record that are no metadata."""
EMPTY = "an empty text says nothing"


def add_records(
    root: Path,
    records: Iterable[Record],
    meta: Mapping[str, Any] | None = None,
    options: IndexOptions | None = None,
    progress: Progress | None = None,
) -> IndexSummary:
    """Add records to the index without reading any source. They are found when this returns.

    A record has a `text`, and optionally `_id` and `title`; other fields are metadata. `meta`: fields of
    records that do not have them. A record replaces one with the same id; a record without an id is named
    by a hash of its content. Raises InputError without records, and what `build` raises.
    """
    documents = [
        _refuse_empty(_document({**(meta or {}), **r}, n)) for n, r in enumerate(records, 1)
    ]
    if not documents:
        raise InputError("nothing to add")
    return _add(root, documents, options, progress)


def add_lines(
    root: Path,
    stream: BinaryIO,
    meta: Mapping[str, Any] | None = None,
    options: IndexOptions | None = None,
    progress: Progress | None = None,
) -> IndexSummary:
    """Add a record a line, as `add_records` does: JSON lines, or texts if the first line is no object.

    Lines that cannot be read are reported in the summary.
    """
    return _add(root, _documents_of_lines(stream, meta or {}), options, progress)


def _add(
    root: Path,
    documents: Iterable[ReadItem],
    options: IndexOptions | None,
    progress: Progress | None,
) -> IndexSummary:
    options = replace(options or IndexOptions(), paths=(STDIN,))
    return build(root, options, progress, documents=documents)


def _document(record: Record, number: int) -> Document | Unreadable:
    """Record as a document, with its values as JSON has them."""
    try:
        value = JsonParser().parse(json.dumps(record, allow_nan=False))
        return document(value, ReadOptions(), STDIN, f"#{number}", number)
    except (TypeError, ValueError) as e:
        return Unreadable(STDIN, str(e), number)


def _documents_of_lines(stream: BinaryIO, meta: Mapping[str, Any]) -> Iterator[ReadItem]:
    text = stream.read()
    if text.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        lines = read_lines(io.BytesIO(text), STDIN, ReadOptions(), defaults=meta)
        yield from map(_refuse_empty, lines)
        return
    texts = TextLines(io.BytesIO(text), STDIN)
    for number, line in enumerate(texts, 1):
        if line is None:
            yield Unreadable(STDIN, f"line longer than {MAX_LINE // 1024**2} MiB", number)
        elif line.strip():
            yield _document({**meta, "text": line.strip()}, number)
    yield from texts.warnings
    if texts.unreadable is not None:
        yield texts.unreadable


def _refuse_empty(item: ReadItem) -> ReadItem:
    """The item, a problem in the place of a record without words, which no query would find."""
    if isinstance(item, Document) and not item.text.strip():
        return Unreadable(STDIN, EMPTY, item.line)
    return item


# ── forgetting ───────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Forgotten:
    """Result of `forget`. `documents`: deleted ids, in order; `elsewhere`: matches that have a source."""

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
    """Delete the records without a source that match every filter of `where`.

    They are not found any more when this returns. Their words stay in the index's files until the next
    compaction; `purge` compacts now. Raises UsageError, NoIndex, IndexLocked.
    """
    if dry_run:
        with Snapshot.open(root) as snapshot:
            return _matching(snapshot, where)[0]
    require_index(root)
    with Writer(root, wait) as writer:
        refuse_damaged(root, writer.manifest)
        with writer.open_present() as snapshot:
            forgotten, catalog = _matching(snapshot, where)
            if forgotten.documents:
                manifest = writer.commit(catalog, counts=catalog.counts())
                forgotten.generation = manifest.generation
        if purge:
            with writer.open_present() as snapshot:
                compact(writer, snapshot)
            forgotten.generation = writer.forget_previous().generation
        with writer.open_present() as snapshot:
            update_derived(snapshot, progress)
    return forgotten


def _matching(snapshot: Snapshot, where: Sequence[str]) -> tuple[Forgotten, Catalog]:
    """Records that match, and the catalog without them."""
    import numpy as np

    matching, warnings = Filters(snapshot).matching(where)
    columns = snapshot.catalog.columns("source", "id")
    without_source = np.fromiter((s == STDIN for s in columns["source"]), bool, len(matching))
    deleted = matching & without_source
    ids = [columns["id"][i] for i in np.flatnonzero(deleted).tolist()]
    elsewhere = int((matching & ~without_source).sum())
    forgotten = Forgotten(ids, elsewhere, snapshot.manifest.generation, warnings)
    return forgotten, snapshot.catalog.edit(~deleted, [])
