"""Reranks that nobody waits for, and those that the end of the server overtakes."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from qembed.pipeline.retrieval.embedding.embed import TEXTS_PER_CALL
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.serve.dispatcher import RERANK_THREADS
from qembed.testing import WordOverlap
from qembed.web.http import face
from qembed.web.http.endpoints import models
from tests.cli.conftest import Shell
from tests.web.http.conftest import Site, wait

OVERLAP = "py:qembed.testing:reranker"
ASKED = {"model": OVERLAP, "query": "w1", "documents": ["w1 w2", "w3"]}


@pytest.fixture
def own_site(corpus: Shell) -> Iterator[Site]:
    """The corpus, served for one test."""
    made = Site(corpus)
    yield made
    made.end()


@pytest.fixture
def scored(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of pairs of the calls of a reranker that requests do not share and may name here."""
    calls: list[int] = []
    score = WordOverlap.score

    def noted(self: WordOverlap, pairs: Sequence[Any], *more: Any) -> Any:
        calls.append(len(pairs))
        return score(self, pairs, *more)

    monkeypatch.setattr(WordOverlap, "score", noted)
    monkeypatch.setattr(models, "allowed_rerankers", lambda _: [OVERLAP])
    return calls


@pytest.mark.slow
def test_abandoned_reranks_are_counted_and_dropped(own_site: Site, scored: list[int]) -> None:
    site = own_site
    calls = site.face._service.calls

    def left() -> int:
        return calls.queued + calls.running

    def ask(_: int) -> None:
        with pytest.raises(httpx2.TimeoutException):
            httpx2.post(f"{site.url}/v1/rerank", json=ASKED, timeout=1)

    others = {*threading.enumerate()}  # of servers of other tests
    with site.live.scoring:
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(ask, range(10)))
        names = [t.name for t in threading.enumerate() if t not in others]
        assert sum(n.startswith("rerank") for n in names) <= RERANK_THREADS
        assert left() == 10
        assert site.get("/search?q=w1&mode=lexical")["hits"]
        assert site.get("/documents/refunds.md")
        wait(lambda: all(call.closed for call in calls._open))
    wait(lambda: not left())
    assert not scored
    assert len(site.post("/v1/rerank", ASKED)["results"]) == 2
    assert scored == [2]


@pytest.mark.slow
def test_an_abandoned_embedding_ends_between_batches(
    own_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = own_site.face._service.calls
    encoded: list[int] = []
    go_on = threading.Event()
    encode = BatchingEncoder.encode

    def noted(self: BatchingEncoder, texts: Sequence[str], **more: Any) -> Any:
        encoded.append(len(texts))
        assert go_on.wait(20)
        return encode(self, texts, **more)

    monkeypatch.setattr(BatchingEncoder, "encode", noted)
    body = {"input": [f"w{i}" for i in range(3 * TEXTS_PER_CALL)]}
    with pytest.raises(httpx2.TimeoutException):
        httpx2.post(f"{own_site.url}/v1/embeddings", json=body, timeout=0.2)
    wait(lambda: all(call.closed for call in calls._open))
    go_on.set()
    wait(lambda: not calls._open)
    assert encoded == [TEXTS_PER_CALL]


@pytest.mark.slow
def test_the_end_tells_those_that_it_overtakes(
    corpus: Shell, scored: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(face, "GRACE_SECONDS", 0.5)
    site = Site(corpus)
    with ThreadPoolExecutor(2) as pool, site.live.scoring:
        asked = pool.submit(site.client.post, "/v1/rerank", json=ASKED)
        wait(lambda: site.face._service.calls.running == 1)
        stopped = pool.submit(lambda: (corpus("serve", "--stop"), site.thread.is_alive()))
        answer = asked.result(20)
        done, alive = stopped.result(20)
    site.end()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "stopping")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "stopped the server" in done.err
    assert not alive
    assert any(json.loads(line).get("error") == "stopping" for line in site.lines)
    assert not scored
