"""Documents of an index whose documents file is damaged: which there were, and records without a file.

Passages and vectors of such records are in the shards, which are whole. Which rows are theirs is told by
those columns of the documents file that are undamaged; where nothing but such records is in the index, and no
dead row, by the shards themselves.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from qembed.store.catalog import Catalog, CatalogEntry
from qembed.store.manifest import MANIFEST, Manifest
from qembed.store.snapshot import Snapshot
from qembed.types import Document, Passage

Join = Callable[[Sequence[Passage]], str]
"""Makes the text of a document of its passages."""
PER_READ = 500
"""Documents whose passages are read at once."""
FIELDS = {"title": "titles", "meta": "metadata"}


class Salvaged(NamedTuple):
    """Records with their rows. `lost`: what of them is not known any more."""

    catalog: Catalog
    lost: tuple[str, ...] = ()


class FormerDocuments(NamedTuple):
    """Documents with a file, of a generation whose documents file is damaged, as far as they are known.

    `number`: how many; `ids`: None if they are not known; `by_source`: ids by source, None if these are not.
    """

    number: int
    ids: frozenset[str] | None = None
    by_source: Mapping[str, frozenset[str]] | None = None


class _Record(NamedTuple):
    id: str
    first: int
    rows: int
    title: str = ""
    meta: str = ""


def open_shards(root: Path, manifest: Manifest) -> Snapshot:
    """Open a generation without its documents file, of which nothing may be read: it may be missing."""
    assert manifest.documents is not None
    there = replace(manifest.documents, name=MANIFEST)
    snapshot = Snapshot.of(root, replace(manifest, documents=there))
    snapshot.catalog = Catalog()
    return snapshot


def salvage_records(root: Path, manifest: Manifest, no_file: str, join: Join) -> Salvaged | None:
    """Find the records of the source `no_file` in an index whose documents file is damaged.

    None if it cannot be told which they are. `join`: see Join.
    """
    columns = _whole_columns(root, manifest)
    with open_shards(root, manifest) as snapshot:
        if _fit(columns, manifest):
            known = [columns.get(name) or [""] * len(columns["id"]) for name in FIELDS]
            rows = zip(columns["id"], columns["first"], columns["rows"], *known, strict=True)
            records = [
                _Record(*values)
                for values, source in zip(rows, columns["source"], strict=True)
                if source == no_file
            ]
            lost = tuple(many for name, many in FIELDS.items() if name not in columns)
        elif {s.path for s in manifest.sources} == {no_file}:
            found = _of_shards(snapshot)
            if found is None:
                return None
            records, lost = found, tuple(FIELDS.values())
        else:
            return None
        return Salvaged(Catalog.of(list(_entries(snapshot, records, no_file, join))), lost)


def former_documents(root: Path, manifest: Manifest, no_file: str) -> FormerDocuments:
    """Find out which documents an index had whose documents file is damaged, without those of `no_file`."""
    columns = _whole_columns(root, manifest)
    if _fit(columns, manifest):
        found: defaultdict[str, set[str]] = defaultdict(set)
        for name, source in zip(columns["id"], columns["source"], strict=True):
            if source != no_file:
                found[source].add(name)
        by_source = {source: frozenset(names) for source, names in found.items()}
        ids = frozenset[str]().union(*by_source.values())
        return FormerDocuments(len(ids), ids, by_source)
    sources = {s.path for s in manifest.sources}
    if sources == {no_file}:
        return FormerDocuments(0, frozenset(), {})
    number = manifest.counts.get("documents", 0)
    if no_file in sources:
        return FormerDocuments(number)
    with open_shards(root, manifest) as snapshot:
        records = _of_shards(snapshot)
    names = None if records is None else frozenset(r.id for r in records)
    if names is None or len(sources) > 1:
        return FormerDocuments(number, names)
    return FormerDocuments(number, names, dict.fromkeys(sources, names))


def _whole_columns(root: Path, manifest: Manifest) -> dict[str, list[Any]]:
    """Columns of the documents file whose pages have their checksums, by name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    assert manifest.documents is not None
    found: dict[str, list[Any]] = {}
    errors = pa.ArrowException, OSError, ValueError, IndexError, KeyError
    try:
        with (root / manifest.documents.name).open("rb") as f:
            file = pq.ParquetFile(f, pre_buffer=False, page_checksum_verification=True)
            for name in ("id", "source", "first", "rows", *FIELDS):
                try:
                    table = file.read(columns=[name], use_threads=False)
                    found[name] = table.column(name).to_pylist()
                except errors:
                    continue
    except errors:
        return {}
    return found


def _fit(columns: dict[str, list[Any]], manifest: Manifest) -> bool:
    """True if the columns name the documents of the generation and their rows, which are nobody else's."""
    if not {"id", "source", "first", "rows"} <= columns.keys():
        return False
    ids, counts = columns["id"], manifest.counts
    spans = sorted((f, f + n) for f, n in zip(columns["first"], columns["rows"], strict=True) if n)
    return (
        len(set(ids)) == len(ids) == counts.get("documents")
        and sum(columns["rows"]) == counts.get("passages")
        and set(columns["source"]) <= {s.path for s in manifest.sources}
        and all(a[1] <= b[0] for a, b in pairwise(spans))
        and (not spans or (spans[0][0] >= manifest.base and spans[-1][1] <= manifest.next_row))
    )


def _of_shards(snapshot: Snapshot) -> list[_Record] | None:
    """Documents of the shards, by the ids that they were written under; None if some rows are dead."""
    manifest = snapshot.manifest
    if manifest.counts.get("passages") != manifest.next_row - manifest.base:
        return None
    found = []
    for document, rows in groupby(_owners(snapshot), lambda row: row[1]):
        at = [row for row, _ in rows]
        found.append(_Record(document, at[0], len(at)))
    whole = len({r.id for r in found}) == len(found) == manifest.counts.get("documents")
    return found if whole else None


def _owners(snapshot: Snapshot) -> Iterator[tuple[int, str]]:
    """Yield (row, id of its document)."""
    row = snapshot.manifest.base
    for shard in snapshot.shards:
        for table in shard.batches(["document"]):
            for name in table.column("document").to_pylist():
                yield row, name
                row += 1


def _entries(
    snapshot: Snapshot, records: Sequence[_Record], source: str, join: Join
) -> Iterator[CatalogEntry]:
    """Yield the catalog entries of records."""
    import json

    import numpy as np

    for at in range(0, len(records), PER_READ):
        part = records[at : at + PER_READ]
        rows = [np.arange(r.first, r.first + r.rows, dtype=np.int64) for r in part]
        passages = iter(snapshot.passages(np.concatenate(rows)))
        for r in part:
            meta = json.loads(r.meta) if r.meta else {}
            text = join([next(passages) for _ in range(r.rows)])
            digest = Document(r.id, text, r.title, meta).digest
            yield CatalogEntry(
                id=r.id, source=source, file=source, digest=digest, size=0, mtime_ns=0,
                first=r.first, rows=r.rows, title=r.title, meta=meta, line=None,
            )  # fmt: skip
