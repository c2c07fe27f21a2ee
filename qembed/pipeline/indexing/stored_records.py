"""Records without a file: those that are given to a run, their ids, and reading them back for a rebuild."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from qembed.errors import NoIndex
from qembed.pipeline.join_passages import join_passages
from qembed.pipeline.source_options import STDIN
from qembed.store import Snapshot
from qembed.types import Document, ReadItem

if TYPE_CHECKING:
    from qembed.pipeline.indexing.index_plan import IndexPlan

DOCUMENTS_PER_READ = 500


def given_records(
    plan: IndexPlan, stdin: BinaryIO | None, documents: Iterable[ReadItem] | None
) -> Iterable[ReadItem]:
    """Documents of the source `-`: those given, else those of `stdin`. Raises UsageError for sequences there.

    Waits for the first bytes of `stdin`.
    """
    if documents is None and stdin is not None and plan.sources.stdin:
        from qembed.corpus import read_lines
        from qembed.pipeline.sequences.given import refuse_sequences

        refuse_sequences(stdin)
        return read_lines(stdin, STDIN, plan.read_options(STDIN))
    return documents or ()


def stored_records(root: Path) -> Iterator[Document]:
    """Documents without a source in the present generation; none if there is no index."""
    import numpy as np

    try:
        snapshot = Snapshot.open(root)
    except NoIndex:
        return
    with snapshot:
        sources = snapshot.catalog.columns("source")["source"]
        positions = np.flatnonzero(np.fromiter((s == STDIN for s in sources), bool, len(sources)))
        for at in range(0, len(positions), DOCUMENTS_PER_READ):
            for entry in snapshot.catalog.take(positions[at : at + DOCUMENTS_PER_READ]):
                rows = np.arange(entry.first, entry.first + entry.rows, dtype=np.int64)
                text = join_passages(snapshot.passages(rows)) if entry.rows else ""
                yield Document(entry.id, text, entry.title, entry.meta)


def content_id(text: str, title: str, meta: Mapping[str, Any]) -> str:
    """Id for a record that has none: 16 hex digits, a hash of its content."""
    content = json.dumps([text, title, meta], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def name_by_content(items: Iterable[ReadItem], name: str) -> Iterator[ReadItem]:
    """Replace the ids `name#line` of records without an id: a line number says nothing in the next run."""
    for item in items:
        if isinstance(item, Document) and item.id == f"{name}#{item.line}":
            yield replace(item, id=content_id(item.text, item.title, item.meta))
        else:
            yield item
