"""Measures do not depend on the depth of a run: ties at its end are in the order that measures have."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from qembed.evaluation import parse_measures, rank_documents
from qembed.pipeline.experiments.ablation import ablate
from qembed.pipeline.experiments.caching import truncated_session
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.pipeline.conftest import BAG

EQUAL, OTHERS = 300, 60
QUERIES = [
    Query("equal", "tea milk"),
    Query("words", "w1 w2 w3"),
    Query("both", "tea w4"),
    Query("common", "cup"),
    Query("phrase", '"tea milk" w2'),
]


@pytest.fixture(scope="module", params=[1, 3], ids=["one passage", "several passages"])
def builder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunBuilder]:
    rng = np.random.default_rng(0)
    texts = ["tea milk"] * EQUAL
    texts += [" ".join(rng.choice([f"w{i}" for i in range(12)], 4)) for _ in range(OTHERS)]
    texts = [f"{text} cup" if i % 2 else text for i, text in enumerate(texts)]
    lines = [
        {
            "_id": f"d{i}",
            "text": "\n\n".join(f"# Part\n\n{t} {t} {t}" for _ in range(1 + i % request.param)),
        }
        for i, t in zip(rng.permutation(len(texts)).tolist(), texts, strict=True)
    ]
    folder = tmp_path_factory.mktemp("depth")
    (folder / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    recipe = RecipeOptions(model=BAG, max_tokens=16 if request.param > 1 else 100, overlap=0)
    build(folder / ".qembed", IndexOptions(paths=[str(folder / "c.jsonl")], recipe=recipe))
    with Session(folder / ".qembed") as session:
        found = RunBuilder(session, QUERIES)
        assert found.one_passage_each == (request.param == 1)
        yield found


def ranked(builder: RunBuilder, options: QueryOptions, k: int) -> dict[str, list[str]]:
    run = builder.rank(replace(options, k=k)).run
    for hits in run.values():
        assert list(hits) == rank_documents(hits)
    return {q.id: list(run[q.id]) for q in QUERIES}


@pytest.mark.parametrize("mode", ["dense", "lexical"])
@pytest.mark.slow
def test_a_run_is_the_beginning_of_a_deeper_one(builder: RunBuilder, mode: str) -> None:
    options = QueryOptions(mode=mode)
    everything = ranked(builder, options, EQUAL + OTHERS)
    equal = everything["equal"][: EQUAL // 2]
    assert len(everything["equal"]) >= EQUAL
    assert equal != sorted(equal)
    for k in (1, 10, 100, 149):
        for query, documents in ranked(builder, options, k).items():
            assert documents == everything[query][:k], (k, query)


@pytest.mark.parametrize(
    "options",
    [QueryOptions(), QueryOptions(mode="hybrid"), QueryOptions(mode="hybrid", fusion="rrf")],
    ids=["auto", "hybrid", "rrf"],
)
def test_equal_documents_of_both_searches_are_in_the_order_of_ids(
    builder: RunBuilder, options: QueryOptions
) -> None:
    everything = ranked(builder, options, EQUAL + OTHERS)["equal"]
    for k in (10, 100):
        assert ranked(builder, options, k)["equal"] == everything[:k]


def test_judged_passages_are_in_the_order_of_their_ids(builder: RunBuilder) -> None:
    spans = {"equal": {"d1#0-9": 1}, "words": {"d2#0-9": 1}}
    judged = RunBuilder(builder.session, [q for q in QUERIES if q.id in spans], spans)
    assert judged.spans
    options = QueryOptions(mode="dense", k=400)
    everything = {q: rank_documents(hits) for q, hits in judged.rank(options).run.items()}
    for k in (10, 100):
        for query, hits in judged.rank(replace(options, k=k)).run.items():
            assert list(hits) == everything[query][:k]


@pytest.mark.slow
def test_fewer_candidates_of_documents_are_told(builder: RunBuilder) -> None:
    measures, qrels = parse_measures("nDCG@10 R@100"), {q.id: {"d1": 1} for q in QUERIES}
    for mode in ("auto", "dense"):
        options = QueryOptions(mode=mode, k=100)
        found = ablate(builder, ["search"], options, measures, qrels, 0.05).warnings
        told = [w for w in found if "for the 100 of the run above" in w]
        assert len(told) == (mode == "auto" and not builder.one_passage_each), found


def test_vectors_cut_to_a_dimension_keep_the_order(builder: RunBuilder) -> None:
    options = QueryOptions(mode="dense", k=9)
    session = truncated_session(builder.session, builder.session.recipe.dim)
    assert list(builder.rank(options, session).run["equal"]) == ranked(builder, options, 9)["equal"]


def test_diversity_is_measured_in_the_order_that_it_gives(builder: RunBuilder) -> None:
    plain = ranked(builder, QueryOptions(mode="dense"), 10)
    diverse = ranked(builder, QueryOptions(mode="dense", diversity=0.5), 10)
    assert diverse["words"] != plain["words"]
    deeper = ranked(builder, QueryOptions(mode="dense", diversity=0.5), 100)
    assert {query: found[:10] for query, found in deeper.items()} == diverse
