"""Passages, or whole documents, of an index to a target that takes them one after the other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.engines.fields import MetadataField, make_fields
from qembed.engines.passages import ExportContent, ExportedPassage, ExportTarget, PassageBatch
from qembed.pipeline.export.documents import full_source, metadata_kinds
from qembed.pipeline.export.source_files import refuse_sources
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.progress import Progress
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.store import CatalogEntry, Snapshot
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.types import Rows

BATCH = 1000
"""Passages of a batch; of documents, the passages of so many."""


@dataclass(frozen=True, slots=True)
class WrittenExport:
    """Result of an export. `place`: in words. `number`: of passages, or documents.

    `warnings`: on what it may lack.
    """

    place: str
    generation: int
    number: int
    seconds: float
    warnings: Sequence[str] = ()


def export_passages(
    root: Path,
    target: ExportTarget,
    progress: Progress,
    *,
    by_document: bool = False,
    files: Sequence[Path] = (),
) -> WrittenExport:
    """Write all passages, or all documents as one passage each, to a target. `files`: what it replaces.

    Raises NoIndex, IndexDamaged, UsageError, EngineError, StorageError.
    """
    import numpy as np

    began = time.perf_counter()
    with Snapshot.open(root) as snapshot:
        target.check()
        refuse_sources(snapshot, files)
        manifest = snapshot.manifest
        documents = np.arange(len(snapshot.catalog), dtype=np.int64)
        fields = make_fields(metadata_kinds(snapshot))
        if by_document:
            total = len(documents)
            batches = _documents(snapshot, documents)
        else:
            rows = snapshot.rows_of(documents)
            total = len(rows)
            batches = _passages(snapshot, rows, fields)
        progress.phase("export", "documents" if by_document else "passages", total)
        content = ExportContent(
            _told(batches, progress),
            fields,
            manifest.recipe.dim,
            total,
            f"{manifest.uid}_{manifest.generation}",
        )
        place = target.write(content)
    seconds = time.perf_counter() - began
    warnings = unfinished_warnings(root, manifest)
    return WrittenExport(place, manifest.generation, total, seconds, warnings)


def _told(batches: Iterator[PassageBatch], progress: Progress) -> Iterator[PassageBatch]:
    for batch in batches:
        yield batch
        progress.advance(len(batch.passages))


def _passages(
    snapshot: Snapshot, rows: Rows, fields: Sequence[MetadataField]
) -> Iterator[PassageBatch]:
    sources: dict[str, str] = {}
    for start in range(0, len(rows), BATCH):
        some = rows[start : start + BATCH]
        passages, entries = snapshot.passages(some), snapshot.entries_of(some)
        found = [
            _exported(row, passage, entry, _source(snapshot, entry, sources), fields)
            for row, passage, entry in zip(some.tolist(), passages, entries, strict=True)
        ]
        yield PassageBatch(found, snapshot.vectors(some))


def _documents(snapshot: Snapshot, documents: Rows) -> Iterator[PassageBatch]:
    """Yield documents, each with its text as it is stored, without vectors: float32 (n, 0)."""
    import numpy as np

    sources: dict[str, str] = {}
    for start in range(0, len(documents), BATCH):
        found = []
        for at in documents[start : start + BATCH]:
            one = np.array([at], dtype=np.int64)
            entry = snapshot.catalog.take(one)[0]
            passages = snapshot.passages(snapshot.rows_of(one))
            text = join_passages(passages)
            last = passages[-1].end_line if passages else 1
            whole = Passage(entry.id, 0, 0, len(text), text, 1, last)
            source = _source(snapshot, entry, sources)
            found.append(_exported(entry.first, whole, entry, source, ()))
        yield PassageBatch(found, np.zeros((len(found), 0), dtype=np.float32))


def _source(snapshot: Snapshot, entry: CatalogEntry, known: dict[str, str]) -> str:
    if entry.source not in known:
        known[entry.source] = full_source(snapshot, entry.source)
    return known[entry.source]


def _exported(
    row: int, passage: Passage, entry: CatalogEntry, source: str, fields: Sequence[MetadataField]
) -> ExportedPassage:
    return ExportedPassage(
        row=row,
        document=entry.id,
        seq=passage.seq,
        start=passage.start,
        end=passage.end,
        line=passage.line,
        end_line=passage.end_line,
        heading=passage.heading,
        symbol=passage.symbol,
        title=entry.title,
        source=source,
        file=entry.file,
        text=passage.text,
        meta=entry.meta,
        fields=field_values(entry, fields),
    )


def field_values(entry: CatalogEntry, fields: Sequence[MetadataField]) -> dict[str, object]:
    """Metadata of a document by column, None for those that it lacks."""
    found: dict[str, object] = {}
    for f in fields:
        value = entry.meta.get(f.key)
        found[f.column] = float(value) if f.kind == "real" and value is not None else value
    return found
