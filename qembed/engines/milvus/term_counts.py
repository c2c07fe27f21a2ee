"""Numbers of passages with each term, in a collection beside the passages: by key, a query reads a few.

A server could count the passages with a term, but not all have an index for it. The counts follow the
export: what it adds and takes away, or all of the passages' words where an earlier one was stopped.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qembed.engines.milvus.collection import LOOKUP, MilvusCollection, make_collection
from qembed.engines.milvus.connection import MilvusConnection

TERMS_SUFFIX = "_terms"
BATCH = 5000
"""Terms of a call."""


class TermCounts:
    """Counts of the encoded terms of the passages in a collection."""

    def __init__(self, server: MilvusConnection, collection: str) -> None:
        self.server = server
        self.name = collection + TERMS_SUFFIX

    def read(self, terms: Iterable[str]) -> dict[str, int]:
        """Passages with each of the encoded terms, 0 for none."""
        wanted = list(dict.fromkeys(terms))
        found = dict.fromkeys(wanted, 0)
        for start in range(0, len(wanted), BATCH):
            some = wanted[start : start + BATCH]
            with self.server.calling(f"read {self.name}"):
                got = self.server.client.query(
                    self.name,
                    filter=f"term in {json.dumps(some)}",
                    output_fields=["term", "passages"],
                    limit=len(some),
                )
            found.update((str(e["term"]), int(e["passages"])) for e in got)
        return found

    def replace(self, counts: Mapping[str, int]) -> None:
        """Write all counts anew."""
        client = self.server.client
        with self.server.calling(f"make {self.name}"):
            if client.has_collection(self.name):
                client.drop_collection(self.name)
            schema, indexes = _schema(client)
        make_collection(self.server, self.name, schema, indexes)
        self._write(counts)

    def change(self, added: Counter[str], removed: Counter[str]) -> None:
        """Add and take away passages with the terms."""
        terms = [t for t in added.keys() | removed.keys() if added[t] != removed[t]]
        before = self.read(terms)
        after = {t: before[t] + added[t] - removed[t] for t in terms}
        gone = [t for t, n in after.items() if n <= 0]
        self._write({t: n for t, n in after.items() if n > 0})
        for start in range(0, len(gone), BATCH):
            with self.server.calling(f"delete from {self.name}"):
                self.server.client.delete(self.name, ids=gone[start : start + BATCH])

    def _write(self, counts: Mapping[str, int]) -> None:
        items = sorted(counts.items())
        for start in range(0, len(items), BATCH):
            entities = [
                {"term": t, "passages": n, "vector": [0.0, 1.0]}
                for t, n in items[start : start + BATCH]
            ]
            with self.server.calling(f"write to {self.name}"):
                self.server.client.upsert(self.name, entities)
        with self.server.calling(f"flush {self.name}"):
            self.server.client.flush(self.name)


def count_terms(words: Iterable[str]) -> Counter[str]:
    """Count the passages with each term, by the passages' encoded words."""
    found: Counter[str] = Counter()
    for one in words:
        found.update(set(one.split()))
    return found


def words_of(collection: MilvusCollection, rows: Sequence[int] | None = None) -> Iterable[str]:
    """Yield the encoded words of the rows, None for all of the collection."""
    if rows is None:
        for some in collection.scan(["row", "words"], batch=LOOKUP):
            yield from (e["words"] for e in some)
        return
    import numpy as np

    found = collection.lookup(np.array(rows, dtype=np.int64), ["words"])
    yield from (e["words"] for e in found.values())


def _schema(client: Any) -> tuple[Any, Any]:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("term", DataType.VARCHAR, is_primary=True, max_length=512)
    schema.add_field("passages", DataType.INT64)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # every collection has one
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type="FLAT", metric_type="IP")
    return schema, indexes
