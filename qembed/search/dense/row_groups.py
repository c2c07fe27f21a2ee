"""Groups of rows with the same vector, of which a graph holds one row each.

Many copies of one vector are each other's nearest neighbours: a graph over all of them spends its links
among them, and a walk that comes in does not get out. So a graph gets the first row of each group, and its
copies join the results after the search.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

GRID = 1 << 14
"""Steps between 0 and 1 to which vectors are rounded before they are compared by hash."""
COPY_TOLERANCE = 1e-6
"""Largest difference in a dimension between copies: the same text encoded in batches of other shapes."""


class RowGroups:
    """Groups of the rows [first, first + n), n = `len`.

    `leaders`: int64 (n,), for each row the first row of its group, itself if it has no earlier copy.
    `hashes`: uint64 (n,), of the rounded vectors.
    """

    def __init__(self, leaders: Rows, hashes: npt.NDArray[np.uint64]) -> None:
        self._leaders = leaders
        self._hashes = hashes
        self._appended: list[tuple[Rows, npt.NDArray[np.uint64]]] = []
        self._index_copies()

    @classmethod
    def empty(cls) -> RowGroups:
        """Groups without rows."""
        import numpy as np

        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint64))

    @classmethod
    def load(cls, path: Path) -> RowGroups:
        """Read saved groups. Raises ValueError for a file that holds none."""
        import numpy as np

        table = np.load(path, allow_pickle=False)
        if table.dtype != np.int64 or table.ndim != 2 or len(table) != 2:
            raise ValueError(f"{path}: not a table of row groups")
        return cls(table[0], table[1].view(np.uint64))

    def save(self, path: Path) -> None:
        """Write the groups as int64 (2, n) in numpy's format; the caller syncs the file."""
        import numpy as np

        self._join()
        with path.open("wb") as f:
            np.save(f, np.stack([self._leaders, self._hashes.view(np.int64)]))

    def __len__(self) -> int:
        return len(self._leaders) + sum(len(leaders) for leaders, _ in self._appended)

    @property
    def copies(self) -> int:
        """Number of rows that are copies of an earlier one."""
        self._join()
        return len(self._copies)

    def extend(self, leaders: Rows, hashes: npt.NDArray[np.uint64]) -> None:
        """Append rows, given as in the constructor."""
        self._appended.append((leaders, hashes))

    def _join(self) -> None:
        """Join what was appended, when it is needed: a large graph grows by many small parts."""
        import numpy as np

        if self._appended:
            leaders, hashes = zip(*self._appended, strict=True)
            self._appended = []
            self._leaders = np.concatenate([self._leaders, *leaders])
            self._hashes = np.concatenate([self._hashes, *hashes])
            self._index_copies()

    def known(self) -> tuple[npt.NDArray[np.uint64], Rows]:
        """(hashes of the leaders in ascending order, uint64 (m,); the leaders, int64 (m,))."""
        import numpy as np

        self._join()
        first = int(self._leaders[0]) if len(self) else 0
        at = np.flatnonzero(self._leaders == np.arange(first, first + len(self)))
        order = at[np.argsort(self._hashes[at], kind="stable")]
        return self._hashes[order], self._leaders[order]

    def _index_copies(self) -> None:
        """Sort the copies by leader, then by row."""
        import numpy as np

        first = int(self._leaders[0]) if len(self) else 0
        rows = np.arange(first, first + len(self))
        copies = rows[self._leaders != rows]
        leaders = self._leaders[copies - first]
        order = np.argsort(leaders, kind="stable")
        self._copies, self._leader_of_copy = copies[order], leaders[order]

    def expand(self, rows: Rows, scores: Scores, most: int | None = None) -> tuple[Rows, Scores]:
        """Add the copies of leaders, with the leaders' scores, in no order. `most`: copies of a leader."""
        import numpy as np

        self._join()
        if not len(self._copies) or not len(rows):
            return rows, scores
        start = self._leader_of_copy.searchsorted(rows, "left")
        count = self._leader_of_copy.searchsorted(rows, "right") - start
        if most is not None:
            count = np.minimum(count, most)
        total = int(count.sum())
        if not total:
            return rows, scores
        # positions start, start + 1, … of each leader, one after another
        at = np.arange(total) + np.repeat(start - (np.cumsum(count) - count), count)
        return (
            np.concatenate([rows, self._copies[at]]),
            np.concatenate([scores, np.repeat(scores, count)]),
        )


def vector_hashes(vectors: Vectors) -> npt.NDArray[np.uint64]:
    """Hashes of float32 (n, dim), rounded to GRID, as uint64 (n,)."""
    import numpy as np

    rounded = np.rint(np.asarray(vectors) * np.float32(GRID)).astype(np.int16)
    data, size = memoryview(rounded.tobytes()), rounded.shape[1] * 2
    digests = (
        blake2b(data[at : at + size], digest_size=8).digest() for at in range(0, len(data), size)
    )
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


class Grouping:
    """Assignment of new rows to groups while a graph is extended."""

    def __init__(self, groups: RowGroups) -> None:
        self._hashes, self._leaders = groups.known()

    def candidates(self, rows: Rows, hashes: npt.NDArray[np.uint64]) -> Rows:
        """Leader of each row by its hash, itself for the first of its hash; these are known from now on."""
        import numpy as np

        unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
        leaders = rows[first]
        at = self._hashes.searchsorted(unique)
        is_known = np.zeros(len(unique), dtype=bool)
        inside = at < len(self._hashes)
        is_known[inside] = self._hashes[at[inside]] == unique[inside]
        leaders[is_known] = self._leaders[at[is_known]]
        new = ~is_known
        self._hashes = np.insert(self._hashes, at[new], unique[new])
        self._leaders = np.insert(self._leaders, at[new], leaders[new])
        return leaders[inverse]
