"""One generation of a remote index: passages, documents and vectors are read from the server by row.

The catalog, which evaluation and some filters want whole, is read once a generation and kept in the
index's folder on this machine.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.engines.milvus.alias import collection_of
from qembed.engines.milvus.collection import LOOKUP, MilvusCollection
from qembed.engines.milvus.connection import MilvusConnection
from qembed.engines.milvus.state import read_state
from qembed.errors import IndexDamaged, NoIndex, UsageError
from qembed.pipeline.user_config.remote_indexes import address_of
from qembed.store import Catalog, CatalogEntry, Snapshot
from qembed.store.manifest import from_portable, read, write
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.store.manifest import Manifest
    from qembed.types import Rows, Vectors

PASSAGE = ("document", "seq", "start", "end", "text", "line", "end_line", "heading", "symbol")
DOCUMENT = (
    *("document", "source", "file", "digest", "mtime_ns", "record_line"),
    *("first", "rows", "title", "meta"),
)
CACHED = 20_000
"""Entities kept in memory."""
CATALOG = "documents"


class RemoteSnapshot(Snapshot):
    """Present generation of the remote index whose folder is `root`.

    Raises NoIndex, EngineError, IndexDamaged.
    """

    def __init__(self, root: Path) -> None:
        address = address_of(root)
        self.server = MilvusConnection(address.server)
        found = collection_of(self.server, address.name)
        state = None if found is None else read_state(self.server, found)
        if found is None or state is None:
            self.server.close()
            raise NoIndex(
                f"no index at {address.url} (make one: qembed export milvus {address.server.url} "
                f"--collection {address.name})"
            )
        self.root = root
        self.state: Mapping[str, Any] = state
        self.manifest = from_portable(state["manifest"])
        self.shards = []
        self.collection = MilvusCollection(self.server, found)
        self._entities: dict[int, Any] = {}
        self._times = {(s, f): t for s, f, t in state["record_times"]}
        _keep_manifest(root, self.manifest)

    @property
    def is_complete(self) -> bool:
        """False while an export goes on, and after one that was stopped."""
        return bool(self.state["complete"])

    @property
    def pictures(self) -> None:
        """None: the server's entities do not tell which of them are pictures."""
        return None

    def is_present(self) -> bool:
        """True if the name still stands for this collection, with this generation."""
        if collection_of(self.server, address_of(self.root).name) != self.collection.name:
            return False
        state = read_state(self.server, self.collection.name)
        return state is not None and all(
            state[key] == self.state[key] for key in ("complete", "manifest")
        )

    def close(self) -> None:
        """Close the connection."""
        if "server" in self.__dict__:
            self.server.close()

    def resized_shards(self) -> list[str]:
        """Names of damaged files: there are none."""
        return []

    # ── entities ─────────────────────────────────────────────────────────────────────────────────

    def entities(self, rows: Rows) -> list[Any]:
        """Entities of the rows, in their order, without vectors and words. Raises IndexDamaged."""
        import numpy as np

        numbers = rows.tolist()
        new = [r for r in dict.fromkeys(numbers) if r not in self._entities]
        if len(self._entities) + len(new) > CACHED:
            self._entities.clear()
            new = list(dict.fromkeys(numbers))
        columns = list(dict.fromkeys((*PASSAGE, *DOCUMENT)))
        found = self.collection.lookup(np.array(new, dtype=np.int64), columns)
        if len(found) < len(new):
            raise IndexDamaged(
                f"{self.collection.name}: {len(new) - len(found):,} of {len(new):,} passages went while "
                "they were read (an export goes on; ask again)"
            )
        self._entities.update(found)
        return [self._entities[r] for r in numbers]

    def passages(self, rows: Rows) -> list[Passage]:
        """Passages of the given rows, in their order."""
        return [Passage(**{name: e[name] for name in PASSAGE}) for e in self.entities(rows)]

    def entries_of(self, rows: Rows) -> list[CatalogEntry]:
        """Catalog entry of each row's document."""
        return [self._entry(e) for e in self.entities(rows)]

    def titles_of(self, rows: Rows) -> list[str]:
        """Title of each row's document."""
        return [e["title"] for e in self.entities(rows)]

    def vectors(self, rows: Rows) -> Vectors:
        """Vectors of the given rows, float32 (n, dim), in their order; 0 for those that there are not."""
        import numpy as np

        out = np.zeros((len(rows), self.manifest.recipe.dim), dtype=np.float32)
        found = self.collection.lookup(rows, ["vector"])
        for i, row in enumerate(rows.tolist()):
            if row in found:
                out[i] = found[row]["vector"]
        return out

    def vector_batches(self, start: int) -> Iterator[tuple[int, Vectors]]:
        """Yield (first row, vectors) from row `start` on: all in one, 0 for dead rows."""
        import numpy as np

        n = self.manifest.next_row - start
        out = np.zeros((n, self.manifest.recipe.dim), dtype=np.float32)
        for some in self.collection.scan(["row", "vector"], f"row >= {start}", LOOKUP):
            for e in some:
                if e["row"] - start < n:
                    out[e["row"] - start] = e["vector"]
        if n:
            yield start, out

    def _tables(self, columns: Sequence[str], start: int, groups: int = 1) -> Iterator[Any]:
        raise UsageError(
            f"{address_of(self.root).url}: this reads all passages, which is for the index it was made of"
        )

    def _entry(self, e: Mapping[str, Any]) -> CatalogEntry:
        time = int(e["mtime_ns"])
        return CatalogEntry(
            id=e["document"],
            source=e["source"],
            file=e["file"],
            digest=bytes.fromhex(e["digest"]),
            size=0,
            mtime_ns=self._times.get((e["source"], e["file"]), 0) if time < 0 else time,
            first=int(e["first"]),
            rows=int(e["rows"]),
            title=e["title"],
            meta=json.loads(e["meta"]) if e["meta"] else {},
            line=None if e["record_line"] < 0 else int(e["record_line"]),
        )

    # ── catalog ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def catalog(self) -> Catalog:
        """Documents with passages, by their first rows; kept on this machine for the next process."""
        name = f"{CATALOG}-{self.manifest.uid}-{self.manifest.generation}.parquet"
        with contextlib.suppress(OSError, IndexDamaged):
            if self.is_complete:
                with (self.root / name).open("rb") as file:
                    return Catalog.load(file, self.root / name)
        entries: list[CatalogEntry] = []
        for some in self.collection.scan(["row", *DOCUMENT], "seq == 0", LOOKUP):
            entries += map(self._entry, some)
        found = Catalog.of(sorted(entries, key=lambda e: e.first))
        if self.is_complete:
            with contextlib.suppress(OSError):
                for old in self.root.glob(f"{CATALOG}-*"):
                    old.unlink()
                found.save(self.root, name)
        return found


def _keep_manifest(root: Path, manifest: Manifest) -> None:
    """Write the manifest, which the log of feedback and others read, where it has changed."""
    with contextlib.suppress(NoIndex, IndexDamaged, UsageError):
        if read(root) == manifest:
            return
    write(root, manifest)
