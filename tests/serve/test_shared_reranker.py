"""One reranker for all requests: concurrent requests share a call, answers are those of each alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from qembed.errors import EncodingError
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.reranking.request import RerankOptions, RerankRequest
from qembed.pipeline.retrieval.reranking.rerank import rerank_hits as rerank_alone
from qembed.pipeline.retrieval.retriever import answer_queries
from qembed.protocols import Pair, Tasks, Track
from qembed.serve import model_pool
from qembed.serve.caller import Abandoned
from qembed.serve.handlers import answer_query, rerank_hits
from qembed.serve.live_index import LiveIndex
from qembed.serve.rerankers import shared_reranker
from qembed.serve.rerankers.shared_reranker import RequestReranker, SharedReranker, shared
from qembed.types import Query
from tests.cli.conftest import Shell

if TYPE_CHECKING:
    from qembed.types import Scores

OVERLAP = "py:qembed.testing:reranker"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than the wait for other requests."""
    monkeypatch.setattr(shared_reranker, "WAIT_SECONDS", 10.0)


class Counting:
    """Scorer that notes its calls; a text with "poison" in it is refused, one with "long" cut."""

    kind, calibrated, instructed, note, meaning = "own", False, False, None, "length"
    batch_invariant = True

    def __init__(self, before: Callable[[], None] = lambda: None) -> None:
        self.truncated: list[Pair] = []
        self.calls: list[list[Pair]] = []
        self._before = before
        self._inside = threading.Lock()

    def score(
        self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
    ) -> Scores:
        assert self._inside.acquire(blocking=False), "called by two threads"
        try:
            self.calls.append(list(pairs))
            self._before()
            if any("poison" in text for _, text in pairs):
                raise EncodingError("poison")
            self.truncated += [p for p in pairs if "long" in p[1]]
            return np.array([len(q) + len(t) / 100 for q, t in pairs], dtype=np.float32)
        finally:
            self._inside.release()


def test_requests_that_wait_together_share_a_call() -> None:
    reranker = Counting()
    ours = SharedReranker(reranker)
    ready = threading.Barrier(3)

    def ask(n: int) -> tuple[list[float], list[Pair]]:
        pairs = [("q", "common"), (f"q{n}", "long" if n else "short"), ("q", "common")]
        with ours.request() as own:
            ready.wait(10)
            found = own.score(pairs).tolist()
            assert own.score(pairs).tolist() == found  # again, without a call
            return found, own.truncated

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(ask, range(3)))
    alone = [
        Counting().score([("q", "common"), (f"q{n}", "long" if n else "short")]) for n in range(3)
    ]
    assert [f[:2] for f, _ in found] == [a.tolist() for a in alone]
    assert all(f[0] == f[2] for f, _ in found)
    assert [{*cut} for _, cut in found] == [set(), {("q1", "long")}, {("q2", "long")}]
    assert len(reranker.calls) == 1
    assert len(reranker.calls[0]) == 4  # the common pair once


def test_a_refused_pair_fails_its_own_request_only() -> None:
    reranker = Counting()
    ours = SharedReranker(reranker)
    ready = threading.Barrier(2)

    def ask(text: str) -> list[float] | str:
        with ours.request() as own:
            ready.wait(10)
            try:
                return own.score([("q", text)]).tolist()  # type: ignore[no-any-return]
            except EncodingError as e:
                return str(e)

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(ask, ["poison", "fine"]))
    assert found == ["poison", Counting().score([("q", "fine")]).tolist()]


def test_what_comes_during_a_call_shares_the_next_one() -> None:
    first, go_on = threading.Event(), threading.Event()

    def before() -> None:
        first.set()
        assert go_on.wait(10)

    reranker = Counting(before)
    ours = SharedReranker(reranker)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ours.score, [("a", "1")])]
        assert first.wait(10)
        answers += [pool.submit(ours.score, [(q, "1")]) for q in "bcd"]
        while len(ours._waiting) < 3:
            pass
        go_on.set()
        assert [a.result(10).tolist() for a in answers] == [
            Counting().score([("a", "1")]).tolist()
        ] * 4
    assert [len(c) for c in reranker.calls] == [1, 3]


def test_what_nobody_waits_for_is_dropped_before_and_between_batches() -> None:
    gone = threading.Event()

    def check() -> None:
        if gone.is_set():
            raise Abandoned

    class Batches(Counting):
        def score(
            self, pairs: Sequence[Pair], track: Track | None = None, tasks: Tasks = None
        ) -> Scores:
            for pair in pairs:
                super().score([pair])
                assert track is not None
                track(1)
                gone.set()
            return super().score(pairs)

    reranker = Batches()
    with SharedReranker(reranker).request(check) as own:
        with pytest.raises(Abandoned):
            own.score([("q", "1"), ("q", "2"), ("q", "3")])
        assert reranker.calls == [[("q", "1")], [("q", "2")]]
        with pytest.raises(Abandoned):
            own.score([("q", "4")])
    assert len(reranker.calls) == 2


def test_a_long_request_does_not_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_reranker, "MAX_SHARED_PAIRS", 2)
    reranker = Counting()
    ours = SharedReranker(reranker)
    ready = threading.Barrier(3)

    def ask(n: int) -> int:
        with ours.request() as own:
            ready.wait(10)
            return len(own.score([("q", f"{n} {i}") for i in range(n)]))

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, [5, 1, 2])) == [5, 1, 2]
    assert sorted(len(c) for c in reranker.calls) in ([3, 5], [1, 2, 5])


def test_only_a_reranker_whose_scores_do_not_depend_on_the_call_is_shared() -> None:
    reranker = Counting()
    assert shared(reranker) is not None
    reranker.batch_invariant = False
    assert shared(reranker) is None
    reranker.batch_invariant, reranker.instructed = True, True
    assert shared(reranker) is None


# ── two clients ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def live(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveIndex]:
    monkeypatch.chdir(docs.folder)
    monkeypatch.setattr(model_pool, "shared", SharedReranker)
    index = LiveIndex(docs.folder / ".qembed")
    index.load()
    yield index
    index.close()


def started() -> None:
    """Ignore the start of a request."""


def test_two_clients_queries_are_scored_in_one_call(
    live: LiveIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    with live.lease() as session:
        wrapped = session.loaded.reranker(OVERLAP)
    assert isinstance(wrapped, SharedReranker)
    calls: list[int] = []
    score = wrapped._reranker.score
    monkeypatch.setattr(
        wrapped._reranker, "score", lambda pairs, *a: calls.append(len(pairs)) or score(pairs, *a)
    )
    requests = [
        QueryRequest([Query("1", text)], QueryOptions(rerank=OVERLAP, snippets=True))
        for text in ("money back for a parcel", "where is the parcel")
    ]
    alone = [answer_queries(live.root, r) for r in requests]
    found_candidates = threading.Barrier(2)
    waited: set[int] = set()
    score_own = RequestReranker.score

    def score_after_both(own: RequestReranker, *args: object) -> Scores:
        if id(own) not in waited:
            waited.add(id(own))
            found_candidates.wait(10)
        return score_own(own, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(RequestReranker, "score", score_after_both)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda r: answer_query(r, live, started), requests))
    for ours, theirs in zip(found, alone, strict=True):
        assert ours.results == theirs.results
        assert ours.reranked == theirs.reranked
        assert "rerank" in ours.seconds
    assert len(calls) == 1


def test_hits_are_reranked_without_the_index(live: LiveIndex, tmp_path: Path) -> None:
    hits = [{"query_id": "1", "query": "a parcel", "text": t} for t in ("x", "a parcel", "A B C")]
    request = RerankRequest(hits, RerankOptions(OVERLAP, k=2))
    expected = rerank_alone(request, live.root)
    with live.lease() as session:
        wrapped = session.loaded.reranker(OVERLAP)
    score = wrapped._reranker.score  # type: ignore[attr-defined]

    def scored(pairs: Sequence[Pair], *rest: object) -> Scores:
        with live.try_lease(0) as lease:  # another request has the index meanwhile
            assert lease is not None
        found: Scores = score(pairs, *rest)
        return found

    wrapped._reranker.score = scored  # type: ignore[attr-defined]
    found = rerank_hits(request, live, started)
    assert (found.hits, found.reranked) == (expected.hits, expected.reranked)
    assert rerank_hits(RerankRequest([], request.options), live, started).hits == []
