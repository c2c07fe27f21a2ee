"""DuckDB with its extension for vectors: the graph in a file's index, and the scan without one.

An index answers a search without a filter; with one DuckDB (1.5.5) filters what the index has found, so that
fewer rows than wanted come back.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bench.peers.engine import EF, Engine, K


class DuckDbVss(Engine):
    """Its HNSW graph, kept in the file of the database."""

    def _connect(self) -> None:
        import duckdb

        self.folder.mkdir(exist_ok=True)
        self.base = duckdb.connect(str(self.folder / "base.duckdb"))
        self.base.execute("load vss")
        self.base.execute("set hnsw_enable_experimental_persistence = true")
        self.base.execute(f"set hnsw_ef_search = {EF}")

    open = _connect

    def build(self, vectors: np.ndarray) -> None:
        from duckdb_extensions import import_extension

        import_extension("vss")  # copied from its package to where DuckDB looks for it
        self._connect()
        self.base.execute(f"create table v (id integer, part integer, e float[{vectors.shape[1]}])")
        self._insert(vectors, 0)
        self._index()
        self.base.close()

    def _index(self) -> None:
        self.base.execute(
            "create index graph on v using hnsw (e) with (metric = 'ip', m = 16, ef_construction = 200)"
        )

    def add(self, vectors: np.ndarray, first: int) -> None:
        self._connect()
        self._insert(vectors, first)
        self.base.close()

    def _insert(self, vectors: np.ndarray, first: int) -> None:
        import pyarrow as pa

        flat = pa.array(vectors.reshape(-1))
        rows = np.arange(first, first + len(vectors))
        given = pa.table(
            {
                "id": rows,
                "part": rows % 100,
                "e": pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]),
            }
        )
        self.base.register("given", given)
        self.base.execute("insert into v select id, part, e from given")

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        where = "" if allowed is None else f"where part >= {allowed[0]} and part < {allowed[1]}"
        asked = (
            f"select id from v {where} "
            f"order by array_negative_inner_product(e, ?::float[{len(query)}]) limit {K}"
        )
        return [row[0] for row in self.base.execute(asked, [query]).fetchall()]


class DuckDb(DuckDbVss):
    """Exact, by a scan of its table."""

    def _index(self) -> None:
        """None: a scan needs no index."""
