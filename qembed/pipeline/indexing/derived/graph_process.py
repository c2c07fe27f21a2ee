"""Process that makes the HNSW graph of an index whose rows are still being committed; see `graph_ahead`.

A process and not a thread: usearch asks for Python's lock at each vector, which beside a thread that reads
and cuts texts takes fifty times the work.

    stdin    a line {"root", "library", "rows"}: the index, the library, and about how many rows will come
             a line {"name"} a commit: the manifest's file, whose rows are added
             a line {"name", "save"}: add what lacks and save the graph to the path `save`
    stdout   after the last, a line {"upto"} now and then, and {"saved": row after the last} or {"error"}

It ends with its input, without a trace.
"""

from __future__ import annotations

import contextlib
import io
import json
import select
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import NoIndex
from qembed.pipeline.indexing.derived.memory import (
    ask_for_large_pages,
    give_back,
    keep_large_blocks_apart,
)
from qembed.search import Graph
from qembed.search.dense.hnsw import ROWS_PER_ADD, groups_path
from qembed.store import Snapshot
from qembed.store.vector_files.placed_vectors import PlacedVectors
from qembed.store.vector_files.places import ShardPlaces, locate, shard_key

if TYPE_CHECKING:
    from qembed.search.dense.coded import Fetch
    from qembed.types import Rows, Vectors


class _Vectors:
    """Vectors of rows, read in the generation that was opened last."""

    fetch: Fetch

    def __call__(self, rows: Rows) -> Vectors:
        return self.fetch(rows)


class GraphProcess:
    """Graph over the rows of an index so far. `given`, `told`: unbuffered pipes for lines of JSON."""

    def __init__(self, given: io.FileIO, told: io.FileIO) -> None:
        self._given = given
        self._told = told
        self._vectors = _Vectors()
        self._places: dict[str, ShardPlaces | None] = {}
        self._graph: Graph | None = None
        self._rows: tuple[str, int] | None = None
        self._upto = 0

    def run(self) -> None:
        """Answer lines until the input ends. Errors are told as a line."""
        try:
            begin = self._read()
            while begin is not None and (line := self._read()) is not None:
                try:
                    self._follow(begin, line)
                except NoIndex:
                    # a rebuild that has ended meanwhile: its rows follow with the next line
                    if "save" in line:
                        raise
        except BrokenPipeError:
            return
        except Exception as e:
            with contextlib.suppress(BrokenPipeError):
                self._tell(error=f"{type(e).__name__}: {e}")

    def _read(self) -> Mapping[str, Any] | None:
        line = self._given.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def _tell(self, **facts: int | str) -> None:
        self._told.write(f"{json.dumps(facts)}\n".encode())

    def _is_called(self) -> bool:
        """True if a line waits, or the input has ended."""
        return bool(select.select([self._given], [], [], 0)[0])

    def _follow(self, begin: Mapping[str, Any], line: Mapping[str, Any]) -> None:
        root, save = Path(begin["root"]), line.get("save")
        if save is not None:
            give_back()  # what the reading of many commits has left: the largest part comes now
        with Snapshot.open(root, line["name"]) as snapshot:
            manifest = snapshot.manifest
            if self._graph is None:
                dim, self._upto = manifest.recipe.dim, manifest.base
                self._graph = Graph.empty(
                    dim, self._vectors, begin["rows"], library=begin["library"]
                )
                self._rows = manifest.uid, manifest.base
            if self._rows != (manifest.uid, manifest.base):
                raise ValueError("the rows have got other numbers")
            for first, vectors in self._parts(snapshot):
                # one core is the reader's, until it has nothing left to read
                self._graph.add(first, vectors, threads=1 if save is None else None)
                ask_for_large_pages()
                self._upto = first + len(vectors)
                if save is not None:
                    self._tell(upto=self._upto)
                if self._is_called():
                    return  # to the rows of a later commit, or to the end
        if save is not None:
            self._save(self._graph, Path(save))

    def _save(self, graph: Graph, path: Path) -> None:
        try:
            graph.save(path)
            self._tell(saved=self._upto)
        except BaseException:
            for left in (path, groups_path(path)):
                with contextlib.suppress(OSError):
                    left.unlink()
            raise

    def _parts(self, snapshot: Snapshot) -> Iterator[tuple[int, Vectors]]:
        """(first row, vectors) of the rows that the graph lacks, at their places in the shards."""
        dim = snapshot.manifest.recipe.dim
        for stored, shard in zip(snapshot.manifest.shards, snapshot.shards, strict=True):
            if (key := shard_key(stored)) not in self._places:
                self._places[key] = locate(shard, dim)
        known = {key: places for key, places in self._places.items() if places is not None}
        placed = PlacedVectors.of(snapshot, known)
        if placed is None:
            self._vectors.fetch = snapshot.vectors
            return snapshot.vector_batches(self._upto)
        self._vectors.fetch = placed.take
        return placed.batches(self._upto, ROWS_PER_ADD)


if __name__ == "__main__":
    keep_large_blocks_apart()
    GraphProcess(
        io.FileIO(sys.stdin.fileno(), closefd=False),
        io.FileIO(sys.stdout.fileno(), "w", closefd=False),
    ).run()
