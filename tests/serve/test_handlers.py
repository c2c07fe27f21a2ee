"""Handlers: requests to answers, both data, without socket and command line."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import InputError, QembedError, UsageError, WrongFilter
from qembed.pipeline.retrieval.documents.read import DocumentRequest
from qembed.pipeline.retrieval.documents.request import SimilarRequest
from qembed.pipeline.retrieval.embedding.request import EmbedRequest
from qembed.pipeline.retrieval.loaded_model import ModelSource
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.reranking.request import RerankOptions, RerankRequest, RunRequest
from qembed.pipeline.retrieval.retriever import answer_queries
from qembed.serve.handlers import (
    FAST_QUERIES,
    OPERATIONS,
    answer_query,
    fast_query_texts,
    rerank_hits,
    rerank_run,
)
from qembed.serve.live_index import LiveIndex
from qembed.serve.messages import Refused, answer_of, error_json
from qembed.testing import WordOverlap
from qembed.types import Query
from tests.cli.conftest import Shell


def started() -> None:
    """Ignore the start of a request."""


@pytest.fixture
def live(docs: Shell, monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveIndex]:
    monkeypatch.chdir(docs.folder)
    index = LiveIndex(docs.folder / ".qembed")
    index.load()
    yield index
    index.close()


def request(*texts: str, **options: object) -> QueryRequest:
    queries = [Query(str(i), t) for i, t in enumerate(texts, 1)]
    return QueryRequest(queries, QueryOptions(**options))  # type: ignore[arg-type]


def test_queries_are_answered_as_without_a_server(live: LiveIndex) -> None:
    asked = request("money back", "where is the parcel", snippets=True)
    for _ in range(2):  # a second time from the caches
        answer = answer_query(asked, live, started)
        assert answer.results == answer_queries(live.root, asked).results
        assert answer.plan == answer_queries(live.root, asked).plan
    assert all(h.snippet is not None for r in answer.results for h in r.hits)


def test_a_handler_raises_the_requests_mistakes(live: LiveIndex) -> None:
    with pytest.raises(InputError, match="no words"):
        answer_query(request(" "), live, started)
    with pytest.raises(UsageError, match="at least 1"):
        answer_query(request("x", k=0), live, started)
    with pytest.raises(UsageError, match="column"):
        answer_query(request("x", where=("nonsense =",)), live, started)


def test_hits_and_runs_are_reranked(live: LiveIndex, tmp_path: Path) -> None:
    hits = [{"query_id": "1", "query": "a parcel", "text": t} for t in ("a parcel", "x", "A B C")]
    shouting = RerankOptions("py:tests.encoders:shouting", k=2)
    answer = rerank_hits(RerankRequest(hits, shouting), live, started)
    assert [(h["text"], h["rank"]) for h in answer.hits] == [("A B C", 1), ("a parcel", 2)]
    assert answer.reranked is not None
    assert answer.reranked.scored == 3
    (tmp_path / "run").write_text("q Q0 deep/locks.txt 1 2 x\nq Q0 refunds.md 2 1 x\n")
    (tmp_path / "queries").write_text('{"_id": "q", "text": "parcel tracking"}\n')
    files = RunRequest(tmp_path / "run", tmp_path / "queries", shouting)
    assert [*rerank_run(files, live, started).run["q"]] == ["refunds.md", "deep/locks.txt"]


@pytest.mark.parametrize("where", ["load", "score"])
def test_the_index_is_free_while_a_reranker_is_loaded_and_scores(
    live: LiveIndex, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    holder: Any = ModelSource if where == "load" else WordOverlap
    name = "reranker" if where == "load" else "score"
    plain, calls = getattr(holder, name), []

    def waiting(*given: Any, **more: Any) -> Any:
        calls.append(given)
        reached.set()
        assert go_on.wait(20)
        return plain(*given, **more)

    monkeypatch.setattr(holder, name, waiting)
    asked = request("money back", rerank="py:qembed.testing:reranker")
    with ThreadPoolExecutor(1) as pool:
        reranked = pool.submit(answer_query, asked, live, started)
        assert reached.wait(20)
        try:
            assert live._lock.acquire(timeout=5), "the request holds the index"
            live._lock.release()
            assert answer_query(request("money back"), live, started).results[0].hits
        finally:
            go_on.set()
        found = reranked.result(20)
    assert len(calls) == 1
    assert found.results == answer_queries(live.root, asked).results
    assert found.reranked is not None


def test_a_request_is_fast_if_only_encoding_takes_time(live: LiveIndex) -> None:
    session = live.session
    assert session is not None
    assert fast_query_texts(request("a", "b", "a"), session) == ["a", "b"]
    assert fast_query_texts(request("a", mode="lexical"), session) == []
    assert fast_query_texts(request(*"abcdefgh"[: FAST_QUERIES + 1]), session) is None
    slow = ({"rerank": "late"}, {"where": ("n = 1",)}, {"diversity": 0.3}, {"context": 1},
            {"snippets": True}, {"search": "graph"})  # fmt: skip
    for options in slow:
        assert fast_query_texts(request("a", **options), session) is None, options  # type: ignore[arg-type]


def test_every_operation_parses_its_requests_json() -> None:
    rerank = RerankOptions("late")
    requests = {
        "query": request("a"),
        "rerank": RerankRequest([], rerank),
        "rerank run": RunRequest(Path("r"), Path("q"), rerank),
        "embed": EmbedRequest(["a"], "query", 16),
        "document": DocumentRequest("a", 2, 3),
        "similar": SimilarRequest("a", where=("n = 1",)),
    }
    assert requests.keys() == OPERATIONS.keys()
    for name, asked in requests.items():
        assert OPERATIONS[name].parse(asked.to_json()) == asked


def test_replies() -> None:
    class OwnFilter(WrongFilter):
        exit_code = 75

    assert answer_of({"answer": {"x": 1}}) == {"x": 1}
    with pytest.raises(Refused, match="why"):
        answer_of({"refused": "why"})
    sent = OwnFilter("no such thing")
    sent.options = ("--where",)
    with pytest.raises(QembedError, match="no such") as raised:
        answer_of(error_json(sent))
    # who catches a class catches it from a server, too
    assert type(raised.value) is WrongFilter
    assert (raised.value.exit_code, raised.value.options) == (75, ("--where",))
    with pytest.raises(InputError) as several:
        answer_of(error_json(InputError("wrong", ["f:1: a", "f:2: b"])))
    assert str(several.value) == "wrong\n  f:1: a\n  f:2: b"
    assert several.value.problems == ["f:1: a", "f:2: b"]
    for kind in ("listed", "Any", "nothing"):
        with pytest.raises(TypeError, match="no error"):
            answer_of({"error": {"message": "", "code": 2, "kind": kind, "options": []}})
