"""Vectors of a generation, read from their places in its shards; those without a known place are decoded."""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from qembed.errors import IndexDamaged
from qembed.store.arrow import vectors_of
from qembed.store.snapshot import Snapshot
from qembed.store.vector_files.places import Places, read_places, shard_key
from qembed.store.vector_files.row_file import read_at, spans

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Vectors

DECODED = -1
"""Place of the rows of a shard whose vectors are decoded."""
LEAST_MAPPED = 512
"""Rows of a row group from which it is mapped alone; smaller ones are read and joined."""


class PlacedVectors:
    """Vectors of a generation in its shards. Thread-safe where none is decoded; the snapshot must be open."""

    def __init__(self, snapshot: Snapshot, groups: Rows) -> None:
        """`groups`: (first row, number of the shard, place) of each row group, int64 (n, 3)."""
        self._snapshot = snapshot
        self._dim = snapshot.manifest.recipe.dim
        self._first, self._shard, self._at = groups.T.copy()
        self._fds: dict[int, int] = {}
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._fds)

    @classmethod
    def open(cls, snapshot: Snapshot) -> PlacedVectors | None:
        """Vectors of the generation; None if none of its shards has published places."""
        return cls.of(snapshot, read_places(snapshot.root, snapshot.manifest))

    @classmethod
    def of(cls, snapshot: Snapshot, known: Places) -> PlacedVectors | None:
        """Vectors of the generation by `known` places; None if none of its shards has some."""
        import numpy as np

        parts: list[npt.NDArray[np.int64]] = []
        for number, (stored, shard) in enumerate(
            zip(snapshot.manifest.shards, snapshot.shards, strict=True)
        ):
            places = known.get(shard_key(stored))
            if places is None:
                parts.append(np.array([[shard.first, number, DECODED]], dtype=np.int64))
            else:
                same = np.full(len(places.at), number)
                parts.append(np.stack([places.first + shard.first, same, places.at], axis=1))
        groups = np.concatenate(parts) if parts else np.zeros((0, 3), np.int64)
        if not (groups[:, 2] != DECODED).any():
            return None
        return cls(snapshot, groups)

    def take(self, rows: Rows) -> Vectors:
        """Read the vectors of rows that ascend, float32 (n, dim). Raises IndexDamaged."""
        import numpy as np

        found = np.empty((len(rows), self._dim), dtype="<f4")
        group = np.searchsorted(self._first, rows, side="right") - 1
        cuts = np.flatnonzero(np.diff(group)) + 1
        for begin, end in pairwise([0, *cuts.tolist(), len(rows)] if len(rows) else []):
            g, wanted = int(group[begin]), rows[begin:end]
            if self._at[g] == DECODED:
                found[begin:end] = self._snapshot.vectors(wanted)
                continue
            for part in spans(wanted, 4 * self._dim):
                first, last = int(wanted[part.start]), int(wanted[part.stop - 1])
                span = self._read(g, first, last - first + 1)
                found[begin + part.start : begin + part.stop] = span[wanted[part] - first]
        return found

    def batches(self, start: int, size: int = 10_000) -> Iterator[tuple[int, Vectors]]:
        """Yield (first row, vectors) from row `start` on, some `size` rows at a time."""
        import numpy as np

        held: list[Vectors] = []
        first = start
        for at, vectors in self._groups(start):
            if held and sum(map(len, held)) + len(vectors) > size:
                yield first, np.concatenate(held)
                held, first = [], at
            held.append(vectors)
        if held:
            yield first, np.concatenate(held)

    def mapped(self, start: int) -> list[tuple[int, Vectors]]:
        """All vectors from row `start` on as (first row, float32 (n, dim)); large row groups are mapped.

        Mapped ones are not aligned to their size.
        """
        import numpy as np

        parts: list[tuple[int, Vectors]] = []
        maps: dict[int, mmap.mmap] = {}
        small: list[tuple[int, Vectors]] = []
        for g, (first, end) in self._bounds(start):
            if self._at[g] == DECODED or end - first < LEAST_MAPPED:
                small.extend(self._group(g, first, end))
                continue
            parts += _joined(small)
            small = []
            number = int(self._shard[g])
            if number not in maps:
                maps[number] = mmap.mmap(self._descriptor(number), 0, access=mmap.ACCESS_READ)
            at = int(self._at[g]) + (first - int(self._first[g])) * 4 * self._dim
            flat = np.frombuffer(maps[number], "<f4", (end - first) * self._dim, at)
            parts.append((first, flat.reshape(-1, self._dim)))
        return parts + _joined(small)

    def _bounds(self, start: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """Yield (row group, (its first row from `start` on, row after its last))."""
        ends = [*self._first[1:].tolist(), self._snapshot.manifest.next_row]
        for g, (first, end) in enumerate(zip(self._first.tolist(), ends, strict=True)):
            if end > start:
                yield g, (max(first, start), end)

    def _groups(self, start: int) -> Iterator[tuple[int, Vectors]]:
        for g, (first, end) in self._bounds(start):
            yield from self._group(g, first, end)

    def _group(self, g: int, first: int, end: int) -> Iterator[tuple[int, Vectors]]:
        """Rows [first, end) of a row group; of a shard that is decoded, in pieces."""
        if self._at[g] != DECODED:
            yield first, self._read(g, first, end - first)
            return
        shard = self._snapshot.shards[int(self._shard[g])]
        for table in shard.batches(["vector"], first - shard.first):
            yield first, vectors_of(table)
            first += table.num_rows

    def _read(self, g: int, first: int, n: int) -> Vectors:
        """Read n rows of a row group from `first` on, float32 (n, dim). Raises IndexDamaged."""
        import numpy as np

        found = np.empty((n, self._dim), dtype="<f4")
        at = int(self._at[g]) + (first - int(self._first[g])) * 4 * self._dim
        number = int(self._shard[g])
        if not read_at(self._descriptor(number), memoryview(found.view("u1").data), at):
            path = self._snapshot.shards[number].path
            raise IndexDamaged(
                f"{path} is shorter than its rows (qembed verify tells what is lost)"
            )
        return found

    def _descriptor(self, number: int) -> int:
        """Own descriptor of a shard: one that is closed elsewhere could be another file's by now."""
        with self._lock:
            if number not in self._fds:
                self._fds[number] = self._snapshot.shards[number].duplicate()
            return self._fds[number]


def _joined(parts: list[tuple[int, Vectors]]) -> list[tuple[int, Vectors]]:
    import numpy as np

    return [(parts[0][0], np.concatenate([v for _, v in parts]))] if parts else []


def _close(fds: dict[int, int]) -> None:
    for fd in fds.values():
        os.close(fd)
