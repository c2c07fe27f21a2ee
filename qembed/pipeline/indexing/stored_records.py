"""Documents that only the index has: how they are named, and how they survive a rebuild."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qembed.errors import NoIndex
from qembed.pipeline.indexing.sources import STDIN
from qembed.pipeline.join_passages import join_passages
from qembed.store import Snapshot
from qembed.types import Document, Unreadable

ROWS_PER_READ = 500


def stored_records(root: Path) -> Iterator[Document]:
    """The present index's documents without a source. Nothing if there is no index."""
    import numpy as np

    try:
        snapshot = Snapshot.open(root)
    except NoIndex:
        return
    with snapshot:
        columns = snapshot.catalog.columns("source")["source"]
        own = np.flatnonzero(np.fromiter((s == STDIN for s in columns), bool, len(columns)))
        for at in range(0, len(own), ROWS_PER_READ):
            part = own[at : at + ROWS_PER_READ]
            lines = snapshot.catalog.take(part)
            for line in lines:
                rows = np.arange(line.first, line.first + line.rows, dtype=np.int64)
                text = join_passages(snapshot.passages(rows)) if line.rows else ""
                yield Document(line.id, text, line.title, line.meta)


def named(text: str, title: str, meta: Mapping[str, Any]) -> str:
    """The id of a record that has none: 16 hex digits of what it says."""
    whole = json.dumps([text, title, meta], ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def by_content(
    documents: Iterable[Document | Unreadable], name: str
) -> Iterator[Document | Unreadable]:
    """Names records that have no id by what they say: a line's number means nothing in the next run."""
    for d in documents:
        if isinstance(d, Document) and d.id == f"{name}#{d.line}":
            yield replace(d, id=named(d.text, d.title, d.meta))
        else:
            yield d
