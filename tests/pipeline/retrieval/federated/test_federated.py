"""Several indexes as one: against one index of all their documents."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from qembed.errors import UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.answer import Answer, answer_json, as_run
from qembed.pipeline.retrieval.federated import indexes as module
from qembed.pipeline.retrieval.federated.indexes import (
    NamedIndex,
    SharedModels,
    answer_several,
    name_indexes,
)
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import answer_queries
from qembed.types import Query

PLACES = ("harbour", "glacier", "orchard", "violin", "parcel")
QUERIES = [
    Query(str(i), text)
    for i, text in enumerate(("harbour at dawn", "a violin of old", "parcel 7 in the orchard"))
]


def records(part: int) -> list[dict[str, Any]]:
    found = []
    for i in range(part, 80, 2):
        words = f"{PLACES[i % 5]} {PLACES[(i // 5) % 5]} number {i} at dawn of day {i % 11}"
        found.append({"_id": f"d{i}", "text": words, "n": i})
    return found


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Even and odd documents apart (even, odd), together (all), and the odd ones of another model."""
    top = tmp_path_factory.mktemp("several")

    def make(name: str, rows: list[dict[str, Any]], model: str) -> None:
        path = top / f"{name}.jsonl"
        path.write_text("".join(json.dumps(r) + "\n" for r in rows))
        options = IndexOptions(paths=(str(path),), recipe=RecipeOptions(model=model))
        build(top / name, options)

    bag = "py:tests.encoders:bag"
    make("even", records(0), bag)
    make("odd", records(1), bag)
    make("all", [*records(0), *records(1)], bag)
    make("squeezed", records(1), "py:tests.encoders:squeezed")
    tagged = [{"_id": "d0", "text": "harbour of tags", "tag": "x"}]
    make("tagged", tagged, bag)
    return top


def ask(top: Path, *names: str, **options: Any) -> Answer:
    request = QueryRequest(QUERIES, QueryOptions(**options))
    return answer_several([NamedIndex(n, top / n) for n in names], request, lambda *_: None)


def ids(answer: Answer) -> list[list[str]]:
    return [[h.document for h in r.hits] for r in answer.results]


@pytest.mark.slow
def test_indexes_of_one_model_answer_as_one_index(top: Path) -> None:
    for options in ({"mode": "dense"}, {"mode": "dense", "min_score": 0.3, "k": 25}):
        whole = answer_queries(top / "all", QueryRequest(QUERIES, QueryOptions(**options)))
        parts = ask(top, "even", "odd", **options)
        assert [[(h.document, h.score) for h in r.hits] for r in parts.results] == [
            [(h.document, pytest.approx(h.score, abs=1e-6)) for h in r.hits] for r in whole.results
        ]
        assert parts.plan.endswith("; merged by score")
    first = parts.results[0].hits[0]
    assert first.index == ("odd" if int(first.document[1:]) % 2 else "even")


def test_a_filter_holds_in_each(top: Path) -> None:
    whole = answer_queries(
        top / "all", QueryRequest(QUERIES, QueryOptions(mode="dense", where=("n < 20",)))
    )
    assert ids(ask(top, "even", "odd", mode="dense", where=("n < 20",))) == ids(whole)


def test_an_index_that_a_filter_does_not_fit_is_left_out(top: Path) -> None:
    answer = ask(top, "even", "tagged", mode="dense", where=("tag = 'x'",))
    assert ids(answer)[0] == ["d0"]
    assert len(answer.warnings) == 1
    assert answer.warnings == ["even is left out: --where, column 1: no document has a field tag"]
    with pytest.raises(UsageError, match="no document has a field nope"):
        ask(top, "even", "tagged", where=("nope = 'x'",))


def test_models_of_several_scales_are_compared_above_chance(top: Path) -> None:
    # the same geometry on another scale: every cosine c is .95 + .05 c
    raw = answer_queries(top / "squeezed", QueryRequest(QUERIES, QueryOptions(mode="dense")))
    assert all(h.score > 0.9 for r in raw.results for h in r.hits)
    answer = ask(top, "even", "squeezed", mode="dense")
    assert answer.plan.endswith("; merged by calibrated score")
    whole = answer_queries(top / "all", QueryRequest(QUERIES, QueryOptions(mode="dense")))
    for mine, theirs in zip(ids(answer), ids(whole), strict=True):
        assert len(set(mine) & set(theirs)) >= 8
    for r in answer.results:
        assert len({h.index for h in r.hits}) == 2
        scores = [h.score for h in r.hits]
        assert scores == sorted(scores, reverse=True)
    assert [i["name"] for i in answer.indexes] == ["even", "squeezed"]
    assert (answer.recipe, answer.generation) == ("", 0)


def test_a_missing_background_is_said_where_ranks_stand_for_scores(top: Path) -> None:
    stamp = top / "squeezed/derived/background.json"
    kept = stamp.read_bytes()
    stamp.unlink()
    try:
        answer = ask(top, "even", "squeezed", mode="dense")
        assert answer.plan.endswith("; merged by rank")
        assert answer.warnings == [
            "squeezed: the background is missing: hits of different models are merged by rank "
            "(qembed index makes it)"
        ]
        assert ask(top, "squeezed", mode="dense").warnings == []
    finally:
        stamp.write_bytes(kept)
    assert ask(top, "even", "squeezed", mode="dense").warnings == []


def test_ranks_are_fused_where_scores_have_no_scale(top: Path) -> None:
    for options in ({"mode": "lexical"}, {"fusion": "rrf", "mode": "hybrid"}):
        answer = ask(top, "even", "odd", **options)
        assert answer.plan.endswith("; merged by rank")
        assert [h.index for h in answer.results[0].hits[:4]] == ["even", "odd"] * 2
    few = ask(top, "tagged", "squeezed", mode="dense")  # one passage has no background
    assert few.plan.endswith("; merged by rank")


def test_a_reranker_decides(top: Path) -> None:
    options = {"rerank": "py:qembed.testing:reranker", "candidates": 80, "mode": "dense"}
    answer = ask(top, "even", "odd", **options)
    for r in answer.results:
        scores = [h.scores["rerank"] for h in r.hits]
        assert scores == [h.score for h in r.hits]
        assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
    assert answer.plan.endswith("; merged by reranker's score")


def test_equal_ids_are_told_apart(top: Path) -> None:
    answer = ask(top, "all", "even", mode="dense", k=4)
    for r in answer.results:
        for hit in r.hits:
            if hit.document != hit.own_id:
                assert hit.document == f"{hit.index}:{hit.own_id}"
    assert {d for found in ids(answer) for d in found} & {
        "all:d0",
        "even:d0",
        "all:d10",
        "even:d10",
    }
    assert all(d.startswith(("all:", "even:")) for d in as_run(answer)["0"])
    body = answer_json(answer)
    assert {h["index"] for h in body["queries"][0]["hits"]} <= {"all", "even"}
    assert [i["name"] for i in body["indexes"]] == ["all", "even"]
    assert Answer.from_json(json.loads(json.dumps(answer.to_json()))).results == answer.results


def test_servers_are_asked_where_scores_compare(top: Path) -> None:
    asked: list[Path] = []

    def served(root: Path, request: QueryRequest) -> Answer | None:
        asked.append(root)
        return answer_queries(root, request)

    request = QueryRequest(QUERIES, QueryOptions(mode="dense", given=("mode",)))
    indexes = [NamedIndex(n, top / n) for n in ("even", "odd")]
    by_servers = answer_several(indexes, request, served)
    assert asked == [top / "even", top / "odd"]
    assert ids(by_servers) == ids(ask(top, "even", "odd", mode="dense"))
    answer_several([indexes[0], NamedIndex("squeezed", top / "squeezed")], request, served)
    assert len(asked) == 2


def test_one_model_is_loaded_once(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    plain = module.ModelSource.encoder
    monkeypatch.setattr(
        module.ModelSource,
        "encoder",
        lambda self, model: loaded.append(model) or plain(self, model),
    )
    ask(top, "even", "odd", mode="dense", snippets=True)
    assert len(loaded) == 1
    assert isinstance(SharedModels(), module.ModelSource)


def test_names(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_CONFIG", str(top / "config"))
    roots = [top / "even", top / "odd"]
    assert [i.name for i in name_indexes(["x/even", "odd"], roots)] == ["even", "odd"]
    same = [top / "a" / "even", top / "even"]
    assert [i.name for i in name_indexes(["a/even", "even"], same)] == [str(p) for p in same]
    with pytest.raises(UsageError, match=r"--index: given twice: .*/even"):
        name_indexes(["even", "even"], [top / "even"] * 2)
    named = replace(QUERIES[0], where="n = 1")
    request = QueryRequest([named], QueryOptions(mode="dense"))
    answer = answer_several(name_indexes(["even", "odd"], roots), request, lambda *_: None)
    assert ids(answer) == [["d1"]]
