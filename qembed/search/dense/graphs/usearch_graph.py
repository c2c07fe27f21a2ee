"""Graph of usearch, over codes of a byte a dimension, mapped from its file.

The walk compares codes and finds a few more rows than are wanted; their products are computed from the
vectors. usearch saves neither breadth, its threads share a state, it returns zeros where it finds fewer than
asked for, and builds the same graph twice only with one thread. So `ef` is always given, searches take
turns, and small graphs are built by one thread.
"""

from __future__ import annotations

import errno
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.dense.coded import Fetch, products
from qembed.search.dense.graphs.library import (
    DENSE_EF_CONSTRUCTION,
    DENSE_M,
    MAX_SINGLE_THREAD_ROWS,
    Library,
    M,
)
from qembed.search.topk import top
from qembed.vector_codes import LARGEST

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows, Scores, Vectors

EF_CONSTRUCTION = 100
LARGEST_DEVIATION = 8
"""Numbers of a unit vector up to so many times 1 / sqrt(dim) have codes of their own."""


def graph_codes(vectors: Vectors) -> npt.NDArray[np.int8]:
    """Codes of unit vectors for the walk, int8 (n, dim): all with one scale, so that products compare.

    Numbers beyond LARGEST_DEVIATION times the usual size are clipped; what that costs is measured as recall.
    """
    import numpy as np

    largest = min(1.0, LARGEST_DEVIATION / np.sqrt(vectors.shape[1]))
    scaled = np.asarray(vectors, dtype=np.float32) * np.float32(LARGEST / largest)
    codes: npt.NDArray[np.int8] = np.clip(np.rint(scaled), -LARGEST, LARGEST).astype(np.int8)
    return codes


def rescored(k: int) -> int:
    """Number of rows that a walk by codes has to find so that the k best are among them."""
    return k + max(10, k // 4)


class UsearchGraph:
    """See `VectorGraph`. `fetch`: vectors of rows that ascend."""

    library: Library = "usearch"

    def __init__(self, index: Any, fetch: Fetch) -> None:
        self._index = index
        self._fetch = fetch
        self._lock = threading.Lock()

    @classmethod
    def empty(cls, dim: int, fetch: Fetch, dense: bool) -> UsearchGraph:
        """Make a graph without rows."""
        from usearch.index import Index

        index = Index(
            ndim=dim,
            metric="ip",  # of codes with one scale for all
            dtype="i8",
            connectivity=DENSE_M if dense else M,
            expansion_add=DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION,
        )
        return cls(index, fetch)

    @classmethod
    def load(cls, path: Path, dim: int, fetch: Fetch, *, extend: bool) -> UsearchGraph:
        """Map a saved graph, or read it to `extend` it. Check its checksums first: damage can crash.

        Raises RuntimeError for a file that usearch does not read or of other dimensions.
        """
        from usearch.index import Index

        try:
            index: Any = Index.restore(str(path), view=not extend)
        except (OSError, ValueError) as e:
            raise RuntimeError(str(e)) from e
        if index is None or index.ndim != dim:
            raise RuntimeError(f"{path} is no graph of {dim} dimensions")
        dense = index.connectivity == DENSE_M
        index.expansion_add = DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION
        return cls(index, fetch)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def is_dense(self) -> bool:
        """True if the graph was made with DENSE_M links."""
        return int(self._index.connectivity) == DENSE_M

    def add(self, rows: Rows, vectors: Vectors, threads: int | None = None) -> None:
        """Add float32 (n, dim) under new ids. `threads`: None for one a core, of a small graph one."""
        import numpy as np

        if threads is None:
            threads = 1 if len(self) + len(rows) <= MAX_SINGLE_THREAD_ROWS else 0  # 0: all
        self._index.add(rows.astype(np.uint64), graph_codes(vectors), copy=True, threads=threads)

    def nearest(self, queries: Vectors, k: int, ef: int) -> list[tuple[Rows, Scores]]:
        """Return about the k nearest rows of each query with cosines, best first."""
        found = self._walk(queries, min(rescored(k), len(self)), ef)
        return [
            top(rows, products(self._fetch(rows), query), k)
            for rows, query in zip(found, queries, strict=True)
        ]

    def _walk(self, queries: Vectors, n: int, ef: int) -> list[Rows]:
        """About the n nearest rows by the codes of each query, int64, ascending."""
        import numpy as np

        codes = graph_codes(queries)
        threads = 1 if len(codes) == 1 else 0  # 0: all
        with self._lock:
            self._index.expansion_search = max(ef, n)
            found = self._index.search(codes, n, threads=threads)
            keys = found.keys  # of one query they are as many as were found
            if keys.size < n or np.min(getattr(found, "counts", n)) < n:
                # a graph with unreachable parts: compare with all
                keys = self._index.search(codes, n, threads=threads, exact=True).keys
        return [np.sort(row.astype(np.int64)) for row in keys.reshape(len(codes), n)]

    def save(self, path: Path) -> None:
        """Write the graph. Raises OSError if the disk does not take it."""
        wanted = int(self._index.serialized_length)
        try:
            self._index.save(str(path))
        except RuntimeError:  # it does not say why
            size = -1
        else:  # of the last bytes it does not look whether they could be written
            size = path.stat().st_size
        if size != wanted:
            reason = f"not all of the graph's {wanted:,} bytes could be written (is the disk full?)"
            raise OSError(errno.EIO, reason, str(path))
