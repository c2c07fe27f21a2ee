"""Mining: planted false negatives stay out, planted hard negatives are found; sentence-transformers' own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import InputError, UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.training.mining.files import read_pairs
from qembed.training.mining.mine import Mined, MiningOptions, mine_judged, mine_pairs, parse_sources
from qembed.types import Query
from tests.pipeline.conftest import index
from tests.training.refunds import QUERY, TEXTS, corpus

WORDS = "fox dog lazy mars planet red query token pool vector jumps rains states"


class Doubting:
    """A reranker that takes tickets for relevant."""

    calibrated = True

    def score(self, pairs: list[tuple[str, str]]) -> list[float]:
        return [0.9 if "tickets" in p else 0.1 for _, p in pairs]


def doubting() -> Doubting:
    return Doubting()


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    index(tmp_path / "idx", corpus(tmp_path, TEXTS))
    with Session(tmp_path / "idx") as session:
        yield session


def mined(session: Session, **options: object) -> Mined:
    given = MiningOptions(**{"per_query": 3, **options})  # type: ignore[arg-type]
    return mine_judged(session, [QUERY], {"q": {"answer": 1, "gone": 2, "word": 0}}, given)


def test_what_was_planted(session: Session) -> None:
    found = mined(session)
    (only,) = found.lists
    assert (only.query_id, only.positive_id, only.positive) == ("q", "answer", TEXTS["answer"])
    names = [n.id for n in only.negatives]
    assert names[0] == "hard"
    assert "word" in names  # judged 0: a negative as any other
    assert len(set(names)) == 3
    assert {n.source for n in only.negatives} <= {"bm25", "dense"}
    assert found.removed == {"relevant": 1, "equal": 1, "margin": 1}
    assert (found.missing, found.left_out, found.filled) == (["gone"], [], 0)


def test_each_rule_alone(session: Session) -> None:
    without_margin = mined(session, margin=None).lists[0]
    assert "unjudged" in [n.id for n in without_margin.negatives]
    positive = without_margin.positive_score
    for margin in (0.0, 0.3, 0.8):
        (only,) = mined(session, margin=margin).lists
        limit = positive * (1 - margin)
        assert all(n.score <= limit + 1e-6 for n in only.negatives if n.rank)


def test_a_query_that_lost_all_gets_random_ones(session: Session) -> None:
    found = mined(session, sources=("dense",), window=(1, 3))
    assert found.filled > 0
    (only,) = found.lists
    assert len({n.id for n in only.negatives}) == 3
    assert {n.source for n in only.negatives if n.rank is None} == {"random"}
    assert not {"answer", "copy", "unjudged"} & {n.id for n in only.negatives}


def test_a_query_far_from_its_answer_gets_random_ones(session: Session) -> None:
    """Every passage is nearer than the limit: the rule of the margin leaves none."""
    query = Query("far", QUERY.text)
    every = mined(session, sources=("dense",), margin=None, per_query=30).lists[0].negatives
    farthest = min(every, key=lambda n: n.score or 0.0).id
    for negatives in ("dense", "bm25", "random"):
        options = MiningOptions(sources=(negatives,), per_query=3)  # type: ignore[arg-type]
        found = mine_judged(session, [query], {"far": {farthest: 1}}, options)
        (only,) = found.lists
        assert all(n.score >= only.positive_score for n in only.negatives)
        assert len({n.id for n in only.negatives} - {farthest}) == 3
        assert {n.source for n in only.negatives} == {"random"}


def test_what_was_chosen_in_a_preference_is_relevant(session: Session, tmp_path: Path) -> None:
    lines = [
        {"query": QUERY.text, "chosen": TEXTS["answer"], "rejected": "x", "chosen_id": "answer"},
        {"query": QUERY.text, "chosen": TEXTS["answer"], "rejected": "y", "chosen_id": "answer"},
    ]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(p) + "\n" for p in lines))
    (only,) = mine_pairs(session, read_pairs(tmp_path / "p.jsonl"), MiningOptions()).lists
    assert (only.positive_id, only.positive) == ("answer", TEXTS["answer"])
    assert "hard" in [n.id for n in only.negatives]
    assert "answer" not in [n.id for n in only.negatives]


def test_window_and_draw(session: Session) -> None:
    every = mined(session, sources=("dense",), per_query=20).lists[0].negatives
    ranks = {n.id: n.rank for n in every if n.rank}
    windowed = mined(session, sources=("dense",), window=(5, 9), per_query=5).lists[0].negatives
    assert [n.rank for n in windowed] == [5, 6, 7, 8, 9]
    assert all(ranks[n.id] == n.rank for n in windowed)
    drawn = [
        [n.id for n in mined(session, pick="random", seed=s, per_query=4).lists[0].negatives]
        for s in (1, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1]
    assert len(set(map(tuple, drawn))) > 1


def test_random_alone_and_among_others(session: Session) -> None:
    alone = mined(session, sources=("random",), per_query=6)
    assert {n.source for n in alone.lists[0].negatives} == {"random"}
    assert alone.filled == 0
    mixed = mined(session, sources=("bm25", "random"), per_query=4)
    assert [n.source for n in mixed.lists[0].negatives] == ["bm25", "bm25", "random", "random"]


def test_a_run_of_another_system(session: Session) -> None:
    run = {"q": {"other3": 3.0, "answer": 2.0, "nowhere": 1.5, "other5": 1.0}}
    (only,) = mined(session, sources=("run",), run=run, per_query=2).lists
    assert [(n.id, n.rank, n.source) for n in only.negatives] == [
        ("other3", 1, "run"),
        ("other5", 4, "run"),
    ]


def test_several_positives_share_the_lowest_limit(session: Session) -> None:
    judged = {"q": {"answer": 1, "word": 1}}
    found = mine_judged(session, [QUERY], judged, MiningOptions(per_query=3, margin=0.05))
    assert [item.positive_id for item in found.lists] == ["answer", "word"]
    assert found.lists[0].negatives == found.lists[1].negatives
    lowest = min(item.positive_score for item in found.lists)
    assert all(n.score <= lowest * 0.95 + 1e-6 for n in found.lists[0].negatives)


def test_pairs_of_texts(session: Session) -> None:
    pairs = [
        (Query("1", QUERY.text), TEXTS["answer"], None),
        (Query("2", "w3 x10"), "nobody wrote this", None),
        (Query("3", "a form of another kind"), "a form of another kind", "word"),
    ]
    found = mine_pairs(session, pairs, MiningOptions(per_query=3))
    first, second, third = found.lists
    assert third.positive_id == "word"
    assert "word" not in [n.id for n in third.negatives]
    assert first.positive_id is None
    names = [n.id for n in first.negatives]
    assert "hard" in names
    assert not {"answer", "copy", "unjudged"} & set(names)
    assert len(second.negatives) == 3


def test_a_cross_encoder_takes_what_is_relevant_away(session: Session) -> None:
    found = mined(session, rerank="py:tests.training.mining.test_mine:doubting", margin=None)
    assert "hard" not in [n.id for n in found.lists[0].negatives]
    assert found.removed["probability"] == 1
    with pytest.raises(UsageError, match="its scores are no probabilities"):
        mined(session, rerank="late")


def test_bad_input(session: Session) -> None:
    with pytest.raises(InputError, match="no query has a relevant document in the index"):
        mine_judged(session, [QUERY], {"q": {"gone": 1}}, MiningOptions())
    with pytest.raises(InputError, match="there are no pairs"):
        mine_pairs(session, [], MiningOptions())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"per_query": 0}, "--per-query 0"),
        ({"window": (0, 3)}, "--window 0-3"),
        ({"window": (5, 3)}, "--window 5-3"),
        ({"margin": 1.0}, "--margin 1"),
        ({"most": 0.0}, "--max-probability 0"),
        ({"sources": ("run",)}, "--negatives run and --run FILE want one another"),
        ({"run": {}}, "--negatives run and --run FILE want one another"),
    ],
)
def test_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        MiningOptions(**options).check()  # type: ignore[arg-type]


def test_sources() -> None:
    assert parse_sources("dense, bm25,dense") == ("dense", "bm25")
    for text in ("words", "", "bm25,"):
        with pytest.raises(UsageError, match=f"--negatives {text}: some of bm25, dense, random"):
            parse_sources(text)


@pytest.mark.slow
@pytest.mark.parametrize("margin", [None, 0.05, 0.1])
def test_beside_sentence_transformers(
    models: tuple[Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    margin: float | None,
) -> None:
    """The same negatives as its mine_hard_negatives, where documents are single texts without copies.

    It keeps positives out by equal text alone, and leaves out queries with too few negatives.
    """
    from datasets import Dataset
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.util import mine_hard_negatives

    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    rng = np.random.default_rng(0)
    words = WORDS.split()
    texts = {f"d{i}": " ".join(rng.choice(words, 8)) for i in range(60)}
    queries = [Query(f"q{i}", " ".join(rng.choice(texts[f"d{i}"].split(), 3))) for i in range(25)]
    root = tmp_path / "idx"
    recipe = RecipeOptions(model=str(models[0]), max_tokens=64)
    build(root, IndexOptions(paths=[str(corpus(tmp_path, texts))], recipe=recipe))
    judged = {q.id: {f"d{q.id[1:]}": 1} for q in queries}
    options = MiningOptions(sources=("dense",), per_query=4, window=(1, 60), margin=margin)
    with Session(root) as session:
        ours = mine_judged(session, queries, judged, options).lists
    data = Dataset.from_dict(
        {"query": [q.text for q in queries], "answer": [texts[f"d{q.id[1:]}"] for q in queries]}
    )
    theirs = mine_hard_negatives(
        data,
        SentenceTransformer(str(models[0])),
        corpus=list(texts.values()),
        range_max=60,
        relative_margin=margin,
        num_negatives=4,
        output_format="n-tuple",
        verbose=False,
    )
    wanted = {row["query"]: [row[f"negative_{i}"] for i in range(1, 5)] for row in theirs}
    assert len(wanted) > 3
    found = {item.query: [n.text for n in item.negatives if n.rank] for item in ours}
    for query, negatives in wanted.items():
        assert found[query] == negatives, query
