"""Requests and answers through JSON and back: nothing of them is lost or rounded."""

from __future__ import annotations

import io
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import InputError
from qembed.pipeline.retrieval.answer import Answer, RerankSummary
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest, parse_queries
from qembed.pipeline.retrieval.reranking.request import (
    RerankedHits,
    RerankedRun,
    RerankOptions,
    RerankRequest,
    RunRequest,
    parse_hits,
)
from qembed.serve.protocol import Frames, pack
from qembed.types import Hit, Passage, Query, Results, Snippet

# lone surrogates stand in names of files that are not UTF-8
texts = st.text(st.characters(exclude_categories=()), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False)
options = st.builds(
    QueryOptions,
    task=st.none() | texts,
    template=st.none() | texts,
    ef=st.none() | st.integers(1, 500),
    rerank=st.none() | texts,
    min_score=st.none() | numbers,
    rerank_budget=st.none() | numbers,
    rerank_share=st.none() | numbers,
    where=st.lists(texts, max_size=3).map(tuple),
    snippets=st.booleans(),
)
queries = st.lists(st.builds(Query, texts, texts, st.none() | texts, st.none() | texts), max_size=3)
summaries = st.builds(
    RerankSummary,
    texts,
    texts,
    texts,
    st.booleans(),
    st.integers(0, 9),
    st.integers(0, 9),
    st.lists(texts, max_size=2),
    st.lists(st.tuples(texts, texts), max_size=2),
    st.none() | texts,
)
passages = st.builds(
    Passage,
    texts,
    st.integers(0, 9),
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    texts,
    st.integers(1, 9),
    st.integers(1, 9),
    texts,
    texts,
)
spans = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=2)
hits = st.builds(
    Hit,
    texts,
    st.none() | texts,
    texts,
    passages,
    numbers,
    st.dictionaries(texts, st.none() | numbers, max_size=3),
    st.dictionaries(texts, st.none() | numbers | texts | st.lists(texts, max_size=2), max_size=3),
    st.none() | st.builds(Snippet, st.integers(0, 9), st.integers(0, 9), spans),
)
results = st.builds(
    Results,
    st.builds(Query, texts, texts, st.none() | texts, st.none() | texts),
    st.none() | texts,
    st.lists(hits, max_size=2),
)
answers = st.builds(
    Answer,
    results=st.lists(results, max_size=2),
    generation=st.integers(0, 9),
    recipe=texts,
    plan=texts,
    why=st.dictionaries(texts, texts, max_size=2),
    truncated=st.lists(texts, max_size=2),
    warnings=st.lists(texts, max_size=2),
    reranked=st.none() | summaries,
    note=st.none() | texts,
    seconds=st.dictionaries(texts, numbers, max_size=2),
    indexes=st.lists(st.dictionaries(texts, texts | st.integers(0, 9), max_size=2), max_size=2),
)


def sent(body: dict[str, Any]) -> dict[str, Any]:
    """What arrives at the other end of a socket."""
    frames = Frames()
    frames.add(pack(body))
    arrived = frames.take(1 << 24)
    assert arrived is not None
    return arrived


@given(queries, options, st.none() | texts)
def test_a_query_request(queries: list[Query], options: QueryOptions, model: str | None) -> None:
    request = QueryRequest(queries, options, model)
    assert QueryRequest.from_json(sent(request.to_json())) == request
    assert request.specs == [model, options.rerank]


@given(
    st.lists(st.dictionaries(texts, st.none() | numbers | texts, max_size=3), max_size=3),
    st.builds(RerankOptions, texts, st.none() | texts, st.none() | st.integers(1, 9)),
    st.none() | texts,
)
def test_a_rerank_request(
    hits: list[dict[str, Any]], options: RerankOptions, model: str | None
) -> None:
    request = RerankRequest(hits, options, model)
    assert RerankRequest.from_json(sent(request.to_json())) == request


def test_a_run_request() -> None:
    request = RunRequest(Path("runs/b\udcffm25.trec"), Path("q.jsonl"), RerankOptions("late", k=3))
    assert RunRequest.from_json(sent(request.to_json())) == request
    assert request.reads_files


@given(answers)
@pytest.mark.slow
def test_an_answer(answer: Answer) -> None:
    assert Answer.from_json(sent(answer.to_json())) == answer
    assert answer.to_json().keys() == {f.name for f in fields(Answer)}


@given(
    st.lists(st.dictionaries(texts, st.none() | numbers | texts, max_size=3), max_size=3),
    st.none() | summaries,
)
def test_reranked_hits(hits: list[dict[str, Any]], summary: RerankSummary | None) -> None:
    answer = RerankedHits(hits, summary, {"load": 0.5}, ("a line",))
    assert RerankedHits.from_json(sent(answer.to_json())) == answer


@given(st.dictionaries(texts, st.dictionaries(texts, numbers, max_size=3), max_size=3), summaries)
def test_a_reranked_run(run: dict[str, dict[str, float]], summary: RerankSummary) -> None:
    answer = RerankedRun(run, summary)
    again = RerankedRun.from_json(sent(answer.to_json()))
    assert again == answer
    assert [*again.run] == [*run]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"queries": [], "options": {}, "model": None},
        {"queries": [["1", "x"]], "options": {"where": []}, "model": None},
        {"queries": [], "options": {"where": [], "depth": 3}, "model": None},
    ],
)
def test_a_malformed_request(body: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError)):
        QueryRequest.from_json(body)


def test_hits_on_standard_input() -> None:
    lines = [{"query": "a", "text": "b"}, {"query_id": 7, "query": "a", "text": "b", "task": None}]
    data = "\n".join(json.dumps(line) for line in lines) + "\n\n"
    found = parse_hits(io.BytesIO(data.encode()))
    assert found == [{**lines[0], "query_id": "1"}, lines[1]]


@pytest.mark.parametrize(
    "line",
    ['{"query": "a"}', '{"query": 1, "text": "b"}', "[]", "7", "x", '{"query": "a", "text": null}',
     '{"query": "a", "text": "b", "scores": [1]}', '{"query": "a", "text": "b", "task": 5}'],
)  # fmt: skip
def test_lines_that_are_no_hits(line: str) -> None:
    with pytest.raises(InputError, match=r"-:2: not a hit"):
        parse_hits(io.BytesIO(b'{"query": "a", "text": "b"}\n' + line.encode()))


def test_queries_on_standard_input() -> None:
    found = parse_queries(io.BytesIO("\ufeffone\n\nthree\r\n".encode()))
    assert found == [Query("1", "one"), Query("3", "three")]
    body = b'{"_id": "a", "text": "x", "task": "t", "where": "n = 1"}\n{"id": 7, "text": "y"}\n'
    assert parse_queries(io.BytesIO(body)) == [Query("a", "x", "t", "n = 1"), Query("7", "y")]
