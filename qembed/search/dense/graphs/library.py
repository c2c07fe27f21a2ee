"""Choice of the library that keeps a graph, and what is asked of it.

hnswlib holds float32 vectors: a search costs half the CPU of usearch's at equal recall, but a process reads
the whole file before it answers. usearch holds a byte a dimension and maps its file: a third of the bytes,
built in half the CPU, answers at once. So graphs begin with hnswlib, and large ones are usearch's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from qembed.search.dense.coded import Fetch
    from qembed.types import Rows, Scores, Vectors

Library = Literal["hnswlib", "usearch"]

M = 16
DENSE_M = 48
DENSE_EF_CONSTRUCTION = 400
"""Parameters for vectors on which M does not reach the wanted recall; four times the time."""
MAX_SINGLE_THREAD_ROWS = 20_000
"""Rows up to which one thread builds a graph, so that the same corpus gives the same graph."""
MAPPED_ROWS = 200_000
"""Rows from which a new graph is mapped: there hnswlib's took .31 s with its first query, usearch's .08 s."""


class VectorGraph(Protocol):
    """HNSW graph over vectors with row ids as keys, no two of them equal."""

    @property
    def library(self) -> Library:
        """Library that keeps the graph."""

    @property
    def is_dense(self) -> bool:
        """True if the graph was made with DENSE_M links."""

    def __len__(self) -> int:
        """Number of rows."""

    def add(self, rows: Rows, vectors: Vectors, threads: int | None = None) -> None:
        """Add float32 (n, dim) under new ids, int64 (n,).

        `threads`: None for one a core, of a small graph one.
        """

    def nearest(self, queries: Vectors, k: int, ef: int) -> list[tuple[Rows, Scores]]:
        """Return about the k nearest rows of each query with cosines, best first.

        k: from 1 to the number of rows.
        """

    def save(self, path: Path) -> None:
        """Write the graph. Raises OSError if the disk does not take it."""


def library_of(rows: int) -> Library:
    """Library of a new graph over so many rows."""
    return "hnswlib" if rows < MAPPED_ROWS else "usearch"


def stored_library(facts: Mapping[str, Any]) -> Library:
    """Library of a stored graph, by the facts that were written with it."""
    return "usearch" if facts.get("library") == "usearch" else "hnswlib"


def is_outgrown(library: Library, rows: int) -> bool:
    """True if a stored graph is to be built anew by the other library: at twice MAPPED_ROWS, once."""
    return library == "hnswlib" and rows >= 2 * MAPPED_ROWS


def make_graph(library: Library, dim: int, fetch: Fetch, rows: int, dense: bool) -> VectorGraph:
    """Make a graph without rows. `rows`: about how many will come."""
    if library == "hnswlib":
        from qembed.search.dense.graphs.hnswlib_graph import HnswlibGraph

        return HnswlibGraph.empty(dim, rows, dense)
    from qembed.search.dense.graphs.usearch_graph import UsearchGraph

    return UsearchGraph.empty(dim, fetch, dense)


def load_graph(
    library: Library, path: Path, dim: int, fetch: Fetch, extend_to: int | None
) -> VectorGraph:
    """Open a saved graph. `extend_to`: about the rows that it will have, None to search it only.

    Raises RuntimeError for a file that the library does not read.
    """
    if library == "hnswlib":
        from qembed.search.dense.graphs.hnswlib_graph import HnswlibGraph

        return HnswlibGraph.load(path, dim, extend_to or 0)
    from qembed.search.dense.graphs.usearch_graph import UsearchGraph

    return UsearchGraph.load(path, dim, fetch, extend=extend_to is not None)
