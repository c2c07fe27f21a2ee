"""Passages as entities of a Milvus collection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qembed.engines.fields import MetadataField
from qembed.engines.milvus.schema import MAX_BYTES
from qembed.engines.milvus.terms import encode_words
from qembed.errors import InputError
from qembed.pipeline.export.documents import exported_time, full_source
from qembed.pipeline.export.write_passages import field_values
from qembed.search.lexical.kmers import passage_terms
from qembed.sequences.recipe import SequenceRecipe, sequence_recipe
from qembed.store import CatalogEntry, Snapshot
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.types import Rows

LISTED = 20
"""Passages that do not fit, named in a message."""


def make_entities(
    snapshot: Snapshot,
    rows: Rows,
    stamps: Mapping[int, int],
    fields: Sequence[MetadataField],
) -> list[dict[str, Any]]:
    """Entities of the rows. `stamps`: by row.

    Raises InputError with the passages that do not fit into a field of Milvus.
    """
    passages, entries = snapshot.passages(rows), snapshot.entries_of(rows)
    vectors = snapshot.vectors(rows)
    sequences = sequence_recipe(snapshot.manifest.recipe.chunker)
    found = []
    too_long: list[str] = []
    sources: dict[str, str] = {}
    for row, passage, entry, vector in zip(rows.tolist(), passages, entries, vectors, strict=True):
        if entry.source not in sources:
            sources[entry.source] = full_source(snapshot, entry.source)
        one = _entity(passage, entry, sources[entry.source], fields, sequences)
        long = [
            name for name, v in one.items() if isinstance(v, str) and len(v.encode()) > MAX_BYTES
        ]
        if long:
            too_long.append(f"{entry.id}, passage {passage.seq}: {', '.join(long)}")
        found.append({"row": row, "stamp": stamps[row], **one, "vector": vector})
    if too_long:
        raise InputError(
            f"fields of more than {MAX_BYTES:,} bytes, Milvus's limit: shorter passages fit "
            "(qembed index --chunker auto)",
            too_long[:LISTED],
        )
    return found


def _entity(
    passage: Passage,
    entry: CatalogEntry,
    source: str,
    fields: Sequence[MetadataField],
    sequences: SequenceRecipe | None,
) -> dict[str, Any]:
    title, text = entry.title, passage.text
    terms, characters = passage_terms(title, text, sequences)  # as the word index has them
    leaf = entry.file.rpartition("/")[2]
    one: dict[str, Any] = {
        "document": entry.id,
        "seq": passage.seq,
        "first": entry.first,
        "rows": entry.rows,
        "start": passage.start,
        "end": passage.end,
        "line": passage.line,
        "end_line": passage.end_line,
        "record_line": -1 if entry.line is None else entry.line,
        "mtime_ns": exported_time(entry.mtime_ns, entry.line),
        "terms": len(terms),
        "characters": len(characters),
        "heading": passage.heading,
        "symbol": passage.symbol,
        "text": text,
        "title": title,
        "source": source,
        "file": entry.file,
        "suffix": "." + leaf.rpartition(".")[2] if "." in leaf[1:] else "",
        "digest": entry.digest.hex(),
        "meta": json.dumps(entry.meta, ensure_ascii=False) if entry.meta else "",
        "words": encode_words(terms, characters),
    }
    return one | field_values(entry, fields)
