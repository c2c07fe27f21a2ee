"""One step of one engine, as a program of its own: PYTHON -m tests.bench.peers.engines ENGINE STEP FOLDER.

FOLDER has vectors.npy, float32 (n, dim) of unit length, more.npy of 100 rows to add, and queries.npy. Row i
has the attribute i modulo 100, by which the filters choose. Prints JSON. Imports nothing of qembed: it
runs by an interpreter that has the engines.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.peers.duckdb_vss import DuckDb, DuckDbVss
from tests.bench.peers.engine import EF, FILTERED, SHARES, WARM, Engine, K
from tests.bench.peers.faiss_indexes import FaissFlat, FaissHnsw, FaissIvfPq


class Usearch(Engine):
    """Its HNSW graph over float32, mapped."""

    def _empty(self, dim: int) -> Any:
        from usearch.index import Index

        return Index(
            ndim=dim, metric="ip", dtype="f32", connectivity=16, expansion_add=200,
            expansion_search=EF,
        )  # fmt: skip

    def build(self, vectors: np.ndarray) -> None:
        self.folder.mkdir(exist_ok=True)
        index = self._empty(vectors.shape[1])
        index.add(np.arange(len(vectors)), vectors)
        index.save(str(self.folder / "index"))

    def open(self) -> None:
        from usearch.index import Index

        self.index = Index.restore(str(self.folder / "index"), view=True)
        self.index.expansion_search = EF

    def add(self, vectors: np.ndarray, first: int) -> None:
        from usearch.index import Index

        index = Index.restore(str(self.folder / "index"))
        index.add(np.arange(first, first + len(vectors)), vectors)
        index.save(str(self.folder / "index"))

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        if allowed is not None:
            return None  # its Python interface has no filter
        return self.index.search(query, K).keys


class SqliteVec(Engine):
    """Exact, by a scan of its table."""

    def _connect(self) -> None:
        import apsw  # a Python's own sqlite3 may have been built without extensions
        import sqlite_vec

        self.folder.mkdir(exist_ok=True)
        self.base = apsw.Connection(str(self.folder / "base.sqlite"))
        self.base.enable_load_extension(True)
        self.base.load_extension(sqlite_vec.loadable_path())

    open = _connect

    def build(self, vectors: np.ndarray) -> None:
        self._connect()
        self.base.execute(
            f"create virtual table v using vec0(part integer, e float[{vectors.shape[1]}])"
        )
        self._insert(vectors, 0)

    def add(self, vectors: np.ndarray, first: int) -> None:
        self._connect()
        self._insert(vectors, first)

    def _insert(self, vectors: np.ndarray, first: int) -> None:
        with self.base:
            self.base.executemany(
                "insert into v(rowid, part, e) values (?, ?, ?)",
                ((first + i, (first + i) % 100, v.tobytes()) for i, v in enumerate(vectors)),
            )

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        where = "" if allowed is None else f" and part >= {allowed[0]} and part < {allowed[1]}"
        asked = f"select rowid from v where e match ? and k = {K}{where} order by distance"
        return [row[0] for row in self.base.execute(asked, (query.tobytes(),))]


class _Lance(Engine):
    def _rows(self, vectors: np.ndarray, first: int) -> Any:
        import pyarrow as pa

        flat = pa.array(vectors.reshape(-1))
        rows = np.arange(first, first + len(vectors))
        return pa.table(
            {
                "id": rows,
                "part": rows % 100,
                "vector": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            }
        )

    def open(self) -> None:
        import lancedb

        self.table = lancedb.connect(self.folder).open_table("v")

    def build(self, vectors: np.ndarray) -> None:
        import lancedb

        base = lancedb.connect(self.folder)
        self.table = base.create_table("v", self._rows(vectors, 0))
        self._index()

    def _index(self) -> None:
        """Make the index that its class is named after."""

    def add(self, vectors: np.ndarray, first: int) -> None:
        self.open()
        self.table.add(self._rows(vectors, first))

    def _asked(self, query: np.ndarray) -> Any:
        return self.table.search(query)

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        asked = self._asked(query).distance_type("dot").limit(K).select(["id"])
        if allowed is not None:
            asked = asked.where(f"part >= {allowed[0]} and part < {allowed[1]}", prefilter=True)
        return asked.to_arrow()["id"].to_pylist()


class LanceFlat(_Lance):
    """Exact, by a scan."""


class LanceHnsw(_Lance):
    def _index(self) -> None:
        from lancedb.index import HnswSq

        self.table.create_index(
            "vector", config=HnswSq(distance_type="dot", m=16, ef_construction=200)
        )

    def _asked(self, query: np.ndarray) -> Any:
        return self.table.search(query).nprobes(8).ef(EF).refine_factor(2)


class Chroma(Engine):
    """Its HNSW graph, with its defaults but for the metric and the breadths."""

    def open(self) -> None:
        import chromadb
        from chromadb.config import Settings

        settings = Settings(anonymized_telemetry=False)
        base = chromadb.PersistentClient(str(self.folder), settings)
        hnsw: Any = {
            "space": "ip", "max_neighbors": 16, "ef_construction": 200, "ef_search": EF
        }  # fmt: skip
        self.table = base.get_or_create_collection(
            "vectors", configuration={"hnsw": hnsw}, embedding_function=None
        )

    def build(self, vectors: np.ndarray) -> None:
        self.add(vectors, 0)

    def add(self, vectors: np.ndarray, first: int) -> None:
        self.open()
        for at in range(0, len(vectors), 5000):
            part = vectors[at : at + 5000]
            rows = range(first + at, first + at + len(part))
            self.table.add(
                ids=[str(i) for i in rows],
                embeddings=part,
                metadatas=[{"part": i % 100} for i in rows],
            )

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        where: Any = None
        if allowed is not None:
            where = {"$and": [{"part": {"$gte": allowed[0]}}, {"part": {"$lt": allowed[1]}}]}
        found = self.table.query(query_embeddings=query[None], n_results=K, where=where)
        return [int(i) for i in found["ids"][0]]


ENGINES = {
    "FAISS flat": FaissFlat,
    "FAISS HNSW": FaissHnsw,
    "FAISS IVF-PQ": FaissIvfPq,
    "usearch": Usearch,
    "sqlite-vec": SqliteVec,
    "DuckDB": DuckDb,
    "DuckDB VSS": DuckDbVss,
    "LanceDB flat": LanceFlat,
    "LanceDB HNSW-SQ": LanceHnsw,
    "Chroma": Chroma,
}


def timed(search: Callable[[np.ndarray], Any], queries: np.ndarray) -> dict[str, Any]:
    """Milliseconds of each query, and the rows found."""
    took, found = [], []
    for query in queries:
        began = time.perf_counter()
        rows = search(query)
        took.append((time.perf_counter() - began) * 1e3)
        found.append(None if rows is None else [int(r) for r in rows])
    return {"ms": took, "found": found}


def main() -> None:
    name, step, top = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    engine = ENGINES[name](top)
    told: Any = {}
    if step == "build":
        engine.build(np.load(top / "vectors.npy"))
    elif step == "add":
        engine.add(np.load(top / "more.npy"), len(np.load(top / "vectors.npy", mmap_mode="r")))
    else:
        queries = np.load(top / "queries.npy")
        engine.open()
        if step == "cold":
            told = timed(engine.search, queries[:1])
        else:
            engine.search(queries[0])
            told["all"] = timed(engine.search, queries[:WARM])
            for share, allowed in SHARES.items():
                told[str(share)] = timed(
                    lambda q, a=allowed: engine.search(q, a),  # type: ignore[misc]
                    queries[:FILTERED],
                )
    print("\n" + json.dumps(told))


if __name__ == "__main__":
    main()
