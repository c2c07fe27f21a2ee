"""FAISS: all products, its graph, and product quantisation in inverted lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.bench.peers.engine import EF, Engine, K


class _Faiss(Engine):
    def _make(self, vectors: np.ndarray) -> Any:
        raise NotImplementedError

    def _parameters(self, selector: Any) -> Any:
        raise NotImplementedError

    def build(self, vectors: np.ndarray) -> None:
        self.index = self._make(vectors)
        self.index.add(vectors)
        self._write()

    def _write(self) -> None:
        import faiss

        self.folder.mkdir(exist_ok=True)
        faiss.write_index(self.index, str(self.folder / "index"))

    def open(self) -> None:
        import faiss

        self.index = faiss.read_index(str(self.folder / "index"))

    def add(self, vectors: np.ndarray, first: int) -> None:
        self.open()
        self.index.add(vectors)
        self._write()

    def search(self, query: np.ndarray, allowed: tuple[int, int] | None = None) -> Any:
        selector = None
        if allowed is not None:
            import faiss

            rows = np.arange(self.index.ntotal)
            mask = (rows % 100 >= allowed[0]) & (rows % 100 < allowed[1])
            bits = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)
        return self.index.search(query[None], K, params=self._parameters(selector))[1][0]


class FaissFlat(_Faiss):
    def _make(self, vectors: np.ndarray) -> Any:
        import faiss

        return faiss.IndexFlatIP(vectors.shape[1])

    def _parameters(self, selector: Any) -> Any:
        import faiss

        return faiss.SearchParameters(sel=selector)


class FaissHnsw(_Faiss):
    def _make(self, vectors: np.ndarray) -> Any:
        import faiss

        index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        return index

    def _parameters(self, selector: Any) -> Any:
        import faiss

        return faiss.SearchParametersHNSW(sel=selector, efSearch=EF)


class FaissIvfPq(_Faiss):
    def _make(self, vectors: np.ndarray) -> Any:
        import faiss

        lists = int(4 * len(vectors) ** 0.5)
        index = faiss.index_factory(
            vectors.shape[1], f"IVF{lists},PQ64", faiss.METRIC_INNER_PRODUCT
        )
        index.pq.cp.niter, index.pq.cp.max_points_per_centroid = 6, 40  # else minutes of training
        index.train(vectors[:: max(1, len(vectors) // (lists * 40))])
        return index

    def _parameters(self, selector: Any) -> Any:
        import faiss

        return faiss.SearchParametersIVF(sel=selector, nprobe=64)
