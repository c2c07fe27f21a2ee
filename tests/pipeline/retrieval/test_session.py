"""A session's parts: each can be replaced, and none knows of the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.pipeline.experiments.caching import (
    CachingEncoder,
    TruncatedEncoder,
    truncated_session,
)
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.document_reader import DocumentCaches, DocumentReader, RowCache
from qembed.pipeline.retrieval.index_search import IndexSearch
from qembed.pipeline.retrieval.options import MODES, QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from qembed.vectors import normalize

ROWS = 60


@pytest.fixture
def root(tmp_path: Path) -> Path:
    lines = [{"_id": f"d{i}", "text": f"parcel {i} in yard {i % 7}", "n": i} for i in range(ROWS)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    refresh(tmp_path / ".qembed")
    return tmp_path / ".qembed"


def refresh(root: Path) -> None:
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(root, IndexOptions(paths=(str(root.parent / "c.jsonl"),), recipe=recipe))


def documents(session: Session, words: str, **options: object) -> list[str]:
    answer = Retriever(session, QueryOptions(**options)).answer([Query("1", words)])  # type: ignore[arg-type]
    return [h.document for h in answer.results[0].hits]


# ── documents ────────────────────────────────────────────────────────────────────────────────────


def test_a_row_cache_fetches_what_it_lacks() -> None:
    fetched: list[list[int]] = []

    def fetch(rows: np.ndarray) -> list[str]:
        fetched.append(rows.tolist())
        return [f"value {r}" for r in rows]

    cache: RowCache[str] = RowCache(4)
    assert cache.get(np.array([3, 1, 3]), fetch) == ["value 3", "value 1", "value 3"]
    assert cache.get(np.array([1, 2, 5]), fetch) == ["value 1", "value 2", "value 5"]
    assert cache.get(np.array([7, 1]), fetch) == ["value 7", "value 1"]  # it was full
    assert fetched == [[3, 1], [2, 5], [7, 1]]
    none: RowCache[str] = RowCache()
    assert none.get(np.array([1, 1]), fetch) == none.get(np.array([1, 1]), fetch)
    assert fetched[3:] == [[1, 1], [1, 1]]


def test_a_caching_reader_reads_what_a_plain_one_reads(root: Path) -> None:
    with Session(root) as session:
        plain = session.documents
        caches = DocumentCaches(RowCache(100), RowCache(100), RowCache(100))
        cached = DocumentReader(session.snapshot, caches)
        rows = np.array([5, 2, 5, 30], dtype=np.int64)
        for _ in range(2):
            assert list(cached.passages(rows)) == list(plain.passages(rows))
            assert list(cached.entries(rows)) == list(plain.entries(rows))
            assert list(cached.code_flags(rows)) == list(plain.code_flags(rows))
            assert cached.document_ids(rows) == ["d5", "d2", "d5", "d30"]
        assert cached.passages(rows)[0] is cached.passages(rows)[2]


# ── the model ────────────────────────────────────────────────────────────────────────────────────


def test_a_caching_encoder_encodes_each_text_once(root: Path) -> None:
    class Counting:
        def __init__(self, session: Session) -> None:
            self.inner = session.loaded.encoder
            self.info = self.inner.info
            self.texts: list[str] = []

        def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
            """float32 (n, dim)"""
            self.texts += texts
            return self.inner.encode(texts)

    with Session(root) as session:
        counting = Counting(session)
        caching = CachingEncoder(session.loaded.with_encoder(counting))
        first = caching.encode(["a", "b", "a"])
        again = caching.encode(["b", "c"])
        assert counting.texts == ["a", "b", "c"]
        assert caching.texts == 3
        assert first[1].tobytes() == again[0].tobytes()
        assert first[0].tobytes() == first[2].tobytes()
        assert caching.encode([]).shape == (0, 48)


def test_the_model_stays_loaded_where_the_recipe_does(root: Path) -> None:
    session = Session(root)
    encoder, reranker = session.loaded.encoder, session.loaded.reranker("late")
    with (root.parent / "c.jsonl").open("a") as f:
        f.write(json.dumps({"_id": "new", "text": "a zebra crossing"}) + "\n")
    refresh(root)
    assert not session.is_current()
    with session.reopen() as new:
        assert new.is_current()
        assert new.loaded.encoder is encoder
        assert new.loaded.reranker("late") is reranker
        assert documents(new, "zebra")[0] == "new"
        options = IndexOptions(recipe=RecipeOptions(max_tokens=50), rebuild=True)
        build(root, options)
        with new.reopen() as other:
            assert other.loaded.encoder is not encoder


# ── truncated dimensions ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("mode", MODES)
def test_a_truncated_session_answers_in_every_mode(root: Path, mode: str) -> None:
    with Session(root) as session:
        short = truncated_session(session, 24)
        assert short.search.vectors(np.array([1, 2])).shape == (2, 24)
        stored = normalize(session.search.vectors(np.arange(ROWS))[:, :24])
        assert np.array_equal(short.search.vectors(np.arange(ROWS)), stored)
        found = documents(short, "parcel 17", mode=mode, search="exact")
        assert found[0] == "d17"
        assert session.search.vectors(np.array([1])).shape == (1, 48)


def test_a_truncated_encoder_cuts_and_normalises(root: Path) -> None:
    with Session(root) as session:
        whole = session.loaded.encoder.encode(["a parcel"])
        cut = TruncatedEncoder(session.loaded, 10).encode(["a parcel"])
        np.testing.assert_allclose(cut, normalize(whole[:, :10]), atol=1e-7)


def test_more_dimensions_than_there_are(root: Path) -> None:
    with Session(root) as session, pytest.raises(UsageError, match="the stored vectors have 48"):
        truncated_session(session, 49)


# ── searching ────────────────────────────────────────────────────────────────────────────────────


def test_given_vectors_are_searched_instead_of_the_indexs(root: Path) -> None:
    with Session(root) as session:
        parts = [(0, np.eye(4, dtype=np.float32)), (4, -np.eye(4, dtype=np.float32))]
        search = IndexSearch(session.snapshot, parts=parts)
        ((rows, scores),), plan = search.vector_search(np.eye(4, dtype=np.float32)[:1], 1, "exact")
        assert (rows.tolist(), scores.tolist(), plan.kind) == ([0], [1.0], "exact")
        assert search.cosines(np.eye(4, dtype=np.float32)[1], np.array([1, 5])).tolist() == [1, -1]


def test_prefetched_queries_find_the_same_bits(root: Path) -> None:
    with Session(root) as session:
        vectors = session.loaded.encoder.encode(["parcel 3", "yard 2", "yard 5"])
        plain = [session.search.vector_search(v[None], 5, "exact")[0][0] for v in vectors]
        fresh = IndexSearch(session.snapshot, watch_graph=False)
        fresh.prefetch(vectors)
        for vector, (rows, scores) in zip(vectors, plain, strict=True):
            ((got, cosines),), _ = fresh.vector_search(vector[None], 5, "exact")
            assert got.tolist() == rows.tolist()
            assert cosines.tobytes() == scores.tobytes()


def test_a_request_is_planned_as_in_a_fresh_process(root: Path) -> None:
    with Session(root) as session:
        cold = session.search.plan(1, "auto").why
        documents(session, "parcel", search="graph", mode="dense")
        assert session.search.plan(1, "auto").why != cold
        session.begin_request()
        assert session.search.plan(1, "auto").why == cold
        assert not session.timer
        assert session.search.graph() is not None


def test_a_filter_that_names_a_time_is_evaluated_at_each_request(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(root) as session:
        filters = session.documents.filters
        first = filters.allowed(["n < 10"])
        assert filters.allowed(["n < 10"]) is first
        session.begin_request()
        assert session.documents.filters is filters
        again = filters.allowed(["n < 10"])
        assert again is not first
        assert again.rows.tolist() == first.rows.tolist()
