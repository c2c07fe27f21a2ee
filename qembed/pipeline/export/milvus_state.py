"""State that an export leaves on a server, by which the collection is an index again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qembed.engines.fields import MetadataField
from qembed.pipeline.background import background_of
from qembed.pipeline.export.documents import record_times
from qembed.pipeline.export.milvus_words import WordCounts
from qembed.store import Snapshot
from qembed.store.manifest import pack_vectors, portable


def export_state(
    snapshot: Snapshot,
    fields: Sequence[MetadataField],
    index: str,
    words: WordCounts | None,
    importing: bool = False,
) -> dict[str, Any]:
    """State of an export. `index`: of the vectors. `words`: None until the export has come to its end.

    `importing`: a bulk import may add to the collection.
    """
    manifest = snapshot.manifest
    background = background_of(snapshot)
    return {
        "complete": words is not None,
        "importing": importing,
        "manifest": portable(manifest),
        "fields": [[f.key, f.column, f.kind] for f in fields],
        "documents": len(snapshot.catalog),
        "having": [_having(snapshot, f.key) for f in fields],
        "index": index,
        "record_times": record_times(snapshot),
        "words": None if words is None else [words.terms, words.characters],
        "background": None
        if background is None
        else {"mean": pack_vectors(background.mean[None, :]), "spread": background.spread},
    }


def _having(snapshot: Snapshot, key: str) -> int:
    """Number of documents with a metadata key."""
    column = snapshot.catalog.field(key)
    return 0 if column is None else int(column.present.sum())


def fields_of(state: Mapping[str, Any]) -> list[MetadataField]:
    """Columns of the metadata that a state names."""
    return [MetadataField(*f) for f in state["fields"]]


def fits(
    fields: Sequence[MetadataField], kinds: Mapping[str, str], untyped: frozenset[str]
) -> bool:
    """True if the index's metadata still go into these columns; further keys are read of the JSON."""
    return all(
        kinds.get(f.key, f.kind) == f.kind and not (f.key not in kinds and f.key in untyped)
        for f in fields
    )
