"""One collection with a passage an entity: made, filled, counted, looked up, searched, dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.engines.fields import MetadataField
from qembed.engines.milvus.connection import MilvusConnection
from qembed.engines.milvus.schema import make_indexes, make_schema

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

SCAN = 8000
"""Entities of a call when all are read; servers answer with 16,384 at most."""
LOOKUP = 1000
"""Entities of a call when they are looked up by their rows."""
MOST_HITS = 16384
"""Hits of one search, Milvus's limit."""


class RowStamps(NamedTuple):
    """Rows of a collection, ascending, with what is compared and added up: int64 (n,) each."""

    rows: Rows
    stamps: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int64]
    characters: npt.NDArray[np.int64]


def make_collection(
    server: MilvusConnection, name: str, schema: Any, indexes: Any, load: bool = True
) -> None:
    """Create an empty collection with its indexes, and load it."""
    client = server.client
    with server.calling(f"make {name}"):
        client.create_collection(name, schema=schema, consistency_level="Strong")
        # waiting for the index of an empty collection, as is the default, takes half a second each
        client.create_index(name, indexes, sync=False)
        if load:
            client.load_collection(name)


class MilvusCollection:
    """Collection, or alias, on a server."""

    def __init__(self, server: MilvusConnection, name: str) -> None:
        self.server = server
        self.name = name

    def exists(self) -> bool:
        """True if the server has the collection, or an alias of this name."""
        with self.server.calling(f"look for {self.name}"):
            return bool(self.server.client.has_collection(self.name))

    def create(
        self, fields: Sequence[MetadataField], dim: int, index: str, load: bool = True
    ) -> None:
        """Create the collection with its indexes, loaded or not."""
        client = self.server.client
        schema, indexes = make_schema(client, fields, dim), make_indexes(client, index)
        make_collection(self.server, self.name, schema, indexes, load)

    def load(self) -> None:
        """Load the collection; one that is loaded stays so."""
        with self.server.calling(f"load {self.name}"):
            self.server.client.load_collection(self.name)

    def drop(self) -> None:
        """Drop the collection."""
        with self.server.calling(f"drop {self.name}"):
            self.server.client.drop_collection(self.name)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────

    def upsert(self, entities: Sequence[Mapping[str, Any]]) -> None:
        """Write entities, replacing those of the same rows."""
        with self.server.calling(f"write to {self.name}"):
            self.server.client.upsert(self.name, list(entities))

    def delete(self, rows: Rows) -> None:
        """Delete the entities of the rows."""
        for start in range(0, len(rows), LOOKUP):
            some = rows[start : start + LOOKUP].tolist()
            with self.server.calling(f"delete from {self.name}"):
                self.server.client.delete(self.name, ids=some)

    def flush(self) -> None:
        """Make what was written durable."""
        with self.server.calling(f"flush {self.name}"):
            self.server.client.flush(self.name)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def count(self, where: str = "") -> int:
        """Number of entities that pass a filter."""
        with self.server.calling(f"count {self.name}"):
            found = self.server.client.query(self.name, filter=where, output_fields=["count(*)"])
        return int(found[0]["count(*)"])

    def scan(
        self, columns: Sequence[str], where: str = "row >= 0", batch: int = SCAN
    ) -> Iterator[list[Any]]:
        """Yield all entities that pass a filter, `batch` at a time: an answer may have 64 MiB."""
        with self.server.calling(f"read {self.name}"):
            found = self.server.client.query_iterator(
                self.name, batch_size=batch, filter=where, output_fields=list(columns)
            )
        try:
            while True:
                with self.server.calling(f"read {self.name}"):
                    some = list(found.next())
                if not some:
                    return
                yield some
        finally:
            found.close()

    def lookup(self, rows: Rows, columns: Sequence[str]) -> dict[int, Any]:
        """Entities of the rows, by row; those that there are not are left out."""
        found: dict[int, Any] = {}
        wanted = list(dict.fromkeys(rows.tolist()))
        for start in range(0, len(wanted), LOOKUP):
            some = wanted[start : start + LOOKUP]
            with self.server.calling(f"read {self.name}"):
                got = self.server.client.query(
                    self.name,
                    filter=f"row in {some}",
                    output_fields=["row", *columns],
                    limit=len(some),
                )
            found.update((int(e["row"]), e) for e in got)
        return found

    def stamps(self) -> RowStamps:
        """Read all rows with their stamps and lengths."""
        import numpy as np

        parts = [
            np.array([[e[c] for c in ("row", "stamp", "terms", "characters")] for e in some])
            for some in self.scan(["row", "stamp", "terms", "characters"])
        ]
        whole = np.concatenate(parts) if parts else np.zeros((0, 4))
        whole = whole.astype(np.int64)
        return RowStamps(*whole[np.argsort(whole[:, 0], kind="stable")].T)

    def nearest(self, vectors: Vectors, k: int, where: str, ef: int | None) -> list[Rows]:
        """Rows of at most k nearest entities for each vector, int64, best first."""
        import numpy as np

        params = {"metric_type": "IP", "params": {} if ef is None else {"ef": ef}}
        with self.server.calling(f"search {self.name}"):
            found = self.server.client.search(
                self.name,
                data=[v.tolist() for v in vectors],
                anns_field="vector",
                limit=min(k, MOST_HITS),
                filter=where,
                search_params=params,
                output_fields=["row"],
            )
        return [
            np.array([h["id"] if "id" in h else h["row"] for h in hits], np.int64) for hits in found
        ]

    def by_words(self, words: str, k: int, where: str) -> list[int]:
        """Rows of at most k entities with the best BM25 scores of encoded words, best first."""
        with self.server.calling(f"search {self.name}"):
            found = self.server.client.search(
                self.name,
                data=[words],
                anns_field="sparse",
                limit=min(k, MOST_HITS),
                filter=where,
                search_params={"metric_type": "BM25"},
                output_fields=["row"],
            )
        return [int(h["id"] if "id" in h else h["row"]) for h in found[0]]
