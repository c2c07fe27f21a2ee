"""Scoring within a time: which pairs are reached, and what becomes of the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import UsageError
from qembed.pipeline.experiments.caching import CachingReranker
from qembed.pipeline.retrieval.fusion import (
    CROSS,
    LATE_ALONE,
    LATE_BESIDE_WORDS,
    interpolate_zscores,
    late_share,
    log_odds,
    rerank_share,
)
from qembed.pipeline.retrieval.options import parse_budget
from qembed.pipeline.retrieval.reranking.job import FIRST_SLICE, rerank_order, score_pairs

Pair = tuple[str, str]


class Timed:
    """A reranker whose pairs take `pace` seconds each on a clock of its own."""

    kind, meaning, calibrated, instructed, note = "timed", "numbers", False, False, None

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.now = 100.0
        self.calls: list[list[Pair]] = []
        self.truncated: list[Pair] = []

    def clock(self) -> float:
        return self.now

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Sequence[str | None] | None = None,
    ):
        assert tasks is None or self.instructed
        self.calls.append(list(pairs))
        self.now += self.pace * len(pairs)
        if track is not None:
            track(len(pairs))
        return np.array([float(p) for _, p in pairs], dtype=np.float32)


def pairs_of(queries: int, candidates: int) -> tuple[list[Pair], list[int]]:
    pairs = [(f"q{q}", str(q * 1000 + c)) for q in range(queries) for c in range(candidates)]
    return pairs, [c for _ in range(queries) for c in range(candidates)]


@given(st.integers(1, 7), st.integers(1, 60), st.floats(0.0001, 0.5), st.floats(0.01, 10))
def test_the_best_of_every_query_go_first(
    queries: int, candidates: int, pace: float, budget: float
) -> None:
    pairs, ranks = pairs_of(queries, candidates)
    timed = Timed(pace)
    seen: list[int] = []
    scores = score_pairs(timed, pairs, ranks, budget, seen.append, timed.clock)
    done = np.isfinite(scores)
    assert sum(seen) == done.sum() >= min(FIRST_SLICE, len(pairs))
    # no pair is scored while one of a better rank is not, in any query
    reached = [r for r, d in zip(ranks, done, strict=True) if d]
    left = [r for r, d in zip(ranks, done, strict=True) if not d]
    assert max(reached) <= min(left, default=max(reached))
    assert scores[done].tolist() == [float(p) for (_, p), d in zip(pairs, done, strict=True) if d]
    # beyond the first slice the clock is kept, at an even pace
    spent = timed.now - 100
    assert spent <= max(budget, pace * min(FIRST_SLICE, len(pairs))) + 1e-9
    # and the time is used: half of it at least, or all is done
    assert done.all() or spent >= budget / 2 - 2 * pace


def test_without_a_budget_it_is_one_call() -> None:
    pairs, ranks = pairs_of(3, 50)
    timed = Timed(1.0)
    assert np.isfinite(score_pairs(timed, pairs, ranks)).all()
    assert [len(c) for c in timed.calls] == [150]


def test_a_budget_that_suffices_changes_nothing() -> None:
    pairs, ranks = pairs_of(3, 50)
    timed = Timed(0.001)
    whole = score_pairs(Timed(0.001), pairs, ranks)
    assert score_pairs(timed, pairs, ranks, 60.0, None, timed.clock).tolist() == whole.tolist()
    assert score_pairs(timed, [], [], 1.0).shape == (0,)


class Told(Timed):
    """Remembers the tasks it was told."""

    instructed = True

    def score(
        self,
        pairs: Sequence[Pair],
        track: Callable[[int], None] | None = None,
        tasks: Sequence[str | None] | None = None,
    ):
        assert tasks is not None
        assert len(tasks) == len(pairs)
        self.told.update(zip(pairs, tasks, strict=True))
        return super().score(pairs, track)

    told: dict[Pair, str | None]


@given(st.integers(1, 7), st.integers(1, 40), st.sampled_from([None, 0.5, 60.0]))
def test_each_pair_goes_with_its_task(queries: int, candidates: int, budget: float | None) -> None:
    """In whatever slices they go."""
    pairs, ranks = pairs_of(queries, candidates)
    tasks = [None if q == "q0" else f"task of {q}" for q, _ in pairs]
    reranker = Told(0.02)
    reranker.told = {}
    scores = score_pairs(reranker, pairs, ranks, budget, None, reranker.clock, tasks)
    done = [pair for pair, score in zip(pairs, scores, strict=True) if np.isfinite(score)]
    wanted = dict(zip(pairs, tasks, strict=True))
    assert reranker.told == {pair: wanted[pair] for pair in done}


def test_an_evaluation_scores_each_pair_once_a_task() -> None:
    reranker = Told(0.01)
    reranker.told = {}
    once, pairs = CachingReranker(reranker), [("q", "1"), ("q", "2")]
    for tasks in (["a", "b"], ["a", "b"], ["b", "b"], [None, "b"]):
        assert once.score(pairs, None, tasks).tolist() == [1, 2]
    assert reranker.calls == [pairs, [("q", "1")], [("q", "1")]]
    plain = Timed(0.01)
    assert score_pairs(CachingReranker(plain), pairs, [0, 1], tasks=["a", "b"]).tolist() == [1, 2]
    assert score_pairs(CachingReranker(plain), pairs, [0, 1]).tolist() == [1, 2]


# ── the order ────────────────────────────────────────────────────────────────────────────────────

values = st.floats(-20, 20, width=32)


@given(
    st.lists(st.tuples(values, st.booleans()), min_size=1, max_size=30),
    st.sampled_from([0.1, 0.4, 1.0]),
)
def test_what_was_not_scored_follows_in_its_order(
    given: list[tuple[float, bool]], share: float
) -> None:
    first = np.linspace(0.9, 0.1, len(given), dtype=np.float32)
    rerank = np.array([v if done else np.nan for v, done in given], dtype=np.float32)
    done = np.isfinite(rerank)
    final, order = rerank_order(first, rerank, share)
    assert np.isfinite(final).all()
    assert sorted(order.tolist()) == list(range(len(given)))
    assert (np.diff(final[order]) <= 0).all()
    n = int(done.sum())
    assert done[order[:n]].all()  # the scored ones are all before
    assert order[n:].tolist() == np.flatnonzero(~done).tolist()
    expected = rerank[done] if share == 1 else interpolate_zscores(first[done], rerank[done], share)
    assert final[done].tolist() == expected.tolist()
    if n and n < len(given):
        assert final[~done].max() < min(final[done].min(), 0)


def test_ties_keep_the_order_they_came_in() -> None:
    first = np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32)
    rerank = np.array([0.1, 0.5, 0.5, 0.1], dtype=np.float32)
    assert rerank_order(first, rerank)[1].tolist() == [1, 2, 0, 3]


def test_late_interaction_counts_less_where_words_were_counted() -> None:
    some, none = np.array([0.5, 3.0], np.float32), np.zeros(2, np.float32)
    assert late_share(some, some) == LATE_BESIDE_WORDS
    prose, code = ["a page on refunds"], ["def f(x):\n    return {x: [x]}"]
    assert rerank_share("late", some, some, prose) == LATE_BESIDE_WORDS
    assert rerank_share("minilm-l12", some, some, prose) == CROSS
    assert rerank_share("minilm-l12", None, None, [*prose, *code]) == CROSS / 2
    assert rerank_share("minilm-l12", None, None, code) == 0
    assert (
        rerank_share("./folder", some, some, prose) == rerank_share("py:a:b", some, None, []) == 1
    )
    assert late_share(some, none) == late_share(some, None) == late_share(None, some) == LATE_ALONE


# ── times ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2s", 2), ("500ms", 0.5), ("1m", 60), ("2", 2), ("1.5 s", 1.5), (".5s", 0.5), (None, None)],
)
def test_times(text: str | None, seconds: float | None) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "2h", "soon", "1s2", "nan", "inf"])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="a time such as 2s or 500ms is wanted"):
        parse_budget(text)


def test_log_odds_undo_a_sigmoid_and_stay_finite() -> None:
    logits = np.array([-11.2, -3, 0, 2.5, 9], np.float32)
    probabilities = (1 / (1 + np.exp(-logits.astype(np.float64)))).astype(np.float32)
    np.testing.assert_allclose(log_odds(probabilities), logits, rtol=2e-3, atol=1e-5)
    assert np.isfinite(log_odds(np.array([0, 1], np.float32))).all()
    assert np.isnan(log_odds(np.array([np.nan], np.float32))).all()
