"""Values from signals are those that a search under the same options has, on every axis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from qembed.evaluation import evaluate, parse_measures
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.experiments.tuning.arms import CONSTANTS
from qembed.pipeline.experiments.tuning.judged_queries import JudgedQueries
from qembed.pipeline.experiments.tuning.pools import DEPTH
from qembed.pipeline.experiments.tuning.signals import Signals
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.fusion import DEFAULT_FUSION
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels, Query
from tests.pipeline.conftest import BAG

pytestmark = pytest.mark.slow

WORDS = [f"w{i}" for i in range(60)] + ["茶", "咖啡", "E-1042", "tea", "milk"]
CODE = "def f{i}(x): return [y for y in x if y == {i}] # {word}"


class Tuned(NamedTuple):
    builder: RunBuilder
    judged: JudgedQueries
    signals: Signals


def make(folder: Path, passages: int, documents: int) -> tuple[Path, list[Query], Qrels]:
    """An index of random texts; each document has up to `passages` paragraphs that are passages."""
    rng = np.random.default_rng(passages)
    queries, qrels, lines = [], {}, []
    for i in range(documents):
        many = int(rng.integers(1, passages + 1))
        parts = [" ".join(rng.choice(WORDS, 9)) for _ in range(many)]
        if i % 9 == 0:
            parts[0] = CODE.format(i=i, word=rng.choice(WORDS))
        if i % 7 == 0:
            parts = ["tea milk"] * many  # equal scores
        heads = "\n\n".join(
            f"# Part {n}\n\n{p} {'' if i % 7 == 0 else n}" for n, p in enumerate(parts)
        )
        lines.append({"_id": f"d{i}", "n": i, "text": heads if passages > 1 else parts[0]})
        if i % 4 == 0:
            words = rng.choice(parts[-1].split(), 3).tolist()
            queries.append(Query(f"q{i}", " ".join(words) + (" 茶" if i % 8 else "")))
            qrels[f"q{i}"] = {f"d{i}": 2, f"d{(i * 7) % documents}": 1, f"d{i + 1}": 0, "gone": 1}
    queries.append(Query("d3", lines[3]["text"]))  # the document itself
    qrels["d3"] = {"d5": 1}
    queries.append(Query("where", "tea milk w1 w2", where="n < 100"))
    qrels["where"] = {"d7": 1, "d203": 1}
    queries.append(Query("phrase", '"tea milk" w3'))
    qrels["phrase"] = {"d7": 1, "d14": 2}
    queries.append(Query("none", "zzz yyy"))
    qrels["none"] = {"d1": 1}
    (folder / "c.jsonl").write_text("".join(json.dumps(x) + "\n" for x in lines))
    recipe = RecipeOptions(model=BAG, max_tokens=16 if passages > 1 else 100, overlap=0)
    build(folder / ".qembed", IndexOptions(paths=[str(folder / "c.jsonl")], recipe=recipe))
    return folder / ".qembed", queries, qrels


@pytest.fixture(scope="module", params=[1, 6], ids=["one passage", "several passages"])
def tuned(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tuned]:
    passages = request.param
    folder = tmp_path_factory.mktemp("signals")
    root, queries, qrels = make(folder, passages, 230)
    with Session(root) as session:
        builder = RunBuilder(session, queries, qrels)
        assert builder.one_passage_each == (passages == 1)
        judged = JudgedQueries(builder.queries, qrels, [])
        retriever = Retriever(builder.session, QueryOptions())
        vectors = retriever.encode(retriever.instructions(judged.queries))
        yield Tuned(builder, judged, Signals(builder, judged, vectors))


def searched(tuned: Tuned, options: QueryOptions) -> list[float]:
    run = tuned.builder.rank(replace(options, k=DEPTH)).run
    report = evaluate(parse_measures("nDCG@10"), tuned.judged.qrels, run)
    return [report.per_query[q.id]["nDCG@10"] for q in tuned.judged.queries]


def fused(**constants: float) -> QueryOptions:
    return QueryOptions(fusion_parameters=DEFAULT_FUSION._replace(**constants))


ARMS = {
    "auto": QueryOptions(),
    "dense": QueryOptions(mode="dense"),
    "lexical": QueryOptions(mode="lexical"),
    "hybrid": QueryOptions(mode="hybrid"),
    "rrf": QueryOptions(fusion="rrf"),
    "hybrid rrf": QueryOptions(mode="hybrid", fusion="rrf"),
    "trust": fused(trust=9.0),
    "no trust": fused(trust=0.0),
    "cover": fused(covered=0.9),
    "code": fused(code=0.0),
    "unread": fused(unread=0.0),
    "decay of trust": fused(decay=0.5),
    "doubt": fused(doubt=2.0),
    "even": replace(fused(even=0.1), mode="hybrid"),
    "mean": QueryOptions(document_score="mean:3"),
    "decay": QueryOptions(document_score="decay:.5"),
    "dense mean": QueryOptions(mode="dense", document_score="mean:2"),
    "lexical decay": QueryOptions(mode="lexical", document_score="decay:.7"),
    "hybrid mean": replace(fused(even=3.0), mode="hybrid", document_score="mean:2"),
}


@pytest.mark.parametrize("arm", ARMS)
@pytest.mark.slow
def test_values_are_those_of_a_search(tuned: Tuned, arm: str) -> None:
    wanted = searched(tuned, ARMS[arm])
    np.testing.assert_allclose(tuned.signals.values(ARMS[arm]), wanted, atol=1e-9)


@pytest.mark.slow
def test_arms_differ(tuned: Tuned) -> None:
    found = {arm: tuned.signals.values(options).tolist() for arm, options in ARMS.items()}
    assert len({tuple(values) for values in found.values()}) > len(ARMS) / 2


@pytest.mark.parametrize("mode", ["auto", "dense"])
@pytest.mark.slow
def test_diversity_is_the_order_that_is_shown(tuned: Tuned, mode: str) -> None:
    options = QueryOptions(k=10, by="document", mode=mode, diversity=0.3, candidates=DEPTH)
    names, session = tuned.builder.names, tuned.builder.ordered
    run = {}
    for r in Retriever(session, options).rank(tuned.judged.queries).queries:
        at = session.snapshot.positions_of(r.rows).tolist()
        run[r.query.id] = {names[i]: float(-n) for n, i in enumerate(at)}
    del run["d3"]  # a run of `eval` leaves the query itself out, a search does not
    report = evaluate(parse_measures("nDCG@10"), tuned.judged.qrels, run)
    got = tuned.signals.values(options)
    np.testing.assert_allclose(got, searched(tuned, options), atol=1e-9)
    for n, q in enumerate(tuned.judged.queries):
        if q.id != "d3":
            assert got[n] == pytest.approx(report.per_query[q.id]["nDCG@10"], abs=1e-9), q


def test_constants_are_those_that_change_a_weight(tuned: Tuned) -> None:
    known = set(tuned.signals.constants())
    assert known <= set(CONSTANTS)
    # a confidence takes the place of the cover
    assert len(known & {"covered", "decay"}) == 1
    base = tuned.signals.values(QueryOptions())
    for name in set(CONSTANTS) - known:
        for value in CONSTANTS[name]:
            changed = tuned.signals.values(fused(**{name: value}))
            np.testing.assert_array_equal(changed, base)
