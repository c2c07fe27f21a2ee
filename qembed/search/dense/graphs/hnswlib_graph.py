"""Graph of hnswlib, over float32 vectors.

hnswlib raises when it finds fewer than k, does not save `ef` and the thread count, and builds the same graph
twice only with one thread. So `ef` is always given, and small graphs are built by one thread.
"""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.dense.graphs.library import (
    DENSE_EF_CONSTRUCTION,
    DENSE_M,
    MAX_SINGLE_THREAD_ROWS,
    Library,
    M,
)
from qembed.search.topk import top

if TYPE_CHECKING:
    from qembed.types import Rows, Scores, Vectors

EF_CONSTRUCTION = 200


class HnswlibGraph:
    """See `VectorGraph`."""

    library: Library = "hnswlib"

    def __init__(self, index: Any) -> None:
        self._index = index
        self._lock = threading.Lock()

    @classmethod
    def empty(cls, dim: int, capacity: int, dense: bool) -> HnswlibGraph:
        """Make a graph without rows and with room for `capacity`."""
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.init_index(
            max_elements=max(capacity, 1),
            M=DENSE_M if dense else M,
            ef_construction=DENSE_EF_CONSTRUCTION if dense else EF_CONSTRUCTION,
            random_seed=100,
        )
        return cls(index)

    @classmethod
    def load(cls, path: Path, dim: int, capacity: int) -> HnswlibGraph:
        """Read a saved graph. Check its checksums first: a damaged file can crash the process.

        Raises RuntimeError for a file of another version or of other dimensions.
        """
        import hnswlib

        index = hnswlib.Index(space="ip", dim=dim)
        index.load_index(str(path), max_elements=capacity)
        return cls(index)

    def __len__(self) -> int:
        return int(self._index.get_current_count())

    @property
    def is_dense(self) -> bool:
        """True if the graph was made with DENSE_M links."""
        return int(self._index.M) == DENSE_M

    def add(self, rows: Rows, vectors: Vectors, threads: int | None = None) -> None:
        """Add float32 (n, dim) under new ids; the capacity grows as needed.

        `threads`: None for one a core, of a small graph one.
        """
        total = len(self) + len(rows)
        if total > self._index.get_max_elements():
            self._index.resize_index(max(total, int(self._index.get_max_elements() * 1.2)))
        if threads is None:
            threads = 1 if total <= MAX_SINGLE_THREAD_ROWS else os.cpu_count() or 1
        self._index.add_items(vectors, rows, num_threads=threads)

    def nearest(self, queries: Vectors, k: int, ef: int) -> list[tuple[Rows, Scores]]:
        """Return about the k nearest rows of each query with cosines, best first."""
        import numpy as np

        with self._lock:  # `ef` is the graph's, not the search's
            self._index.set_ef(max(ef, k))
            try:
                labels, distances = self._index.knn_query(queries, k=k)
            except RuntimeError:  # a graph with unreachable parts finds fewer than k at a small ef
                self._index.set_ef(len(self))
                labels, distances = self._index.knn_query(queries, k=k)
        # hnswlib's "ip" distance is 1 - product: this line makes it a similarity, higher is better
        cosines = (1.0 - distances).astype(np.float32)
        return [top(r.astype(np.int64), s, k) for r, s in zip(labels, cosines, strict=True)]

    def save(self, path: Path) -> None:
        """Write the graph. Raises OSError if the disk does not take it."""
        self._index.save_index(str(path))
        # hnswlib does not look whether its stream could write
        if (size := path.stat().st_size) != (wanted := self._index.index_file_size()):
            reason = f"only {size:,} of {wanted:,} bytes could be written (is the disk full?)"
            raise OSError(errno.EIO, reason, str(path))
