"""Nested cross-validation and its verdict: no held-out query ever chooses; chance is not called a gain."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.evaluation.paired_test import PairedTest
from qembed.evaluation.tuning import held_out_gains, judge, make_folds, simplest_of_the_best
from qembed.evaluation.tuning.nested import queries_with_seen_documents


def singles(n: int) -> list[list[int]]:
    return [[i] for i in range(n)]


def chooser(table: np.ndarray):  # type: ignore[no-untyped-def]
    return lambda at: simplest_of_the_best(
        [row[at] for row in table], [0.0] + [1.0] * (len(table) - 1)
    )


def test_each_fold_is_judged_by_what_the_others_chose() -> None:
    rng = np.random.default_rng(3)
    table = rng.random((6, 40))
    folds = make_folds(singles(40), 4)
    seen: list[np.ndarray] = []

    def choose(at: np.ndarray) -> int:
        seen.append(at)
        return int(np.argmax(table[:, at].mean(axis=1)))

    found = held_out_gains(folds, choose, lambda arm: table[arm], 0)
    for fold, training, arm in zip(folds, seen, found.chosen, strict=True):
        assert not set(fold) & set(training.tolist())
        assert len(training) == 40 - len(fold)
        np.testing.assert_array_equal(found.gains[fold], table[arm][fold] - table[0][fold])


def test_values_of_a_held_out_fold_change_nothing_of_what_it_is_given() -> None:
    rng = np.random.default_rng(5)
    table = rng.random((8, 50))
    folds = make_folds(singles(50), 5)
    first = held_out_gains(folds, chooser(table), lambda arm: table[arm], 0)
    for n, fold in enumerate(folds):
        other = table.copy()
        other[:, fold] = rng.random((8, len(fold)))
        again = held_out_gains(folds, chooser(other), lambda arm, t=other: t[arm], 0)
        assert again.chosen[n] == first.chosen[n]


@pytest.mark.slow
def test_chance_is_called_a_gain_no_more_often_than_it_says() -> None:
    """100 arms without any effect over 60 queries: in-sample the best one always looks better."""
    accepted, in_sample = 0, 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        table = np.clip(rng.normal(0.5, 0.3, 60) + rng.normal(0, 0.15, (100, 60)), 0, 1)
        found = held_out_gains(
            make_folds(singles(60), 5, seed), chooser(table), lambda arm, t=table: t[arm], 0
        )
        gain = judge("nDCG@10", found.gains, singles(60))
        assert gain is not None
        accepted += gain.beyond_chance()
        best = table[table.mean(axis=1).argmax()] - table[0]
        in_sample += PairedTest(best, 1.0, 2_000).p <= 0.05
    assert accepted <= 6  # of 60, at a level of 2.5 %
    assert in_sample > 20


def test_a_true_effect_is_found() -> None:
    rng = np.random.default_rng(1)
    table = np.clip(rng.normal(0.5, 0.2, (30, 60)), 0, 1)
    table[17] = np.clip(table[0] + rng.normal(0.2, 0.1, 60), 0, 1)
    found = held_out_gains(make_folds(singles(60)), chooser(table), lambda arm: table[arm], 0)
    assert set(found.chosen) == {17}
    gain = judge("nDCG@10", found.gains, singles(60))
    assert gain is not None
    assert gain.beyond_chance()
    assert gain.low > 0.1


def test_the_simplest_within_one_standard_error_wins() -> None:
    base = np.array([0.5, 0.6, 0.4, 0.5] * 10)
    noisy = base + np.array([0.3, -0.28, 0.3, -0.28] * 10)
    assert simplest_of_the_best([base, noisy], [0, 1]) == 0
    assert simplest_of_the_best([base, base + 0.01], [0, 1]) == 1  # small, and certain
    assert simplest_of_the_best([base, base + 0.01, base + 0.01], [0, 2, 1]) == 2
    assert simplest_of_the_best([base, base], [1, 1]) == 0


clusters = st.lists(
    st.lists(st.sampled_from([-0.5, -0.2, 0.0, 0.1, 0.3]), min_size=1, max_size=3),
    min_size=1,
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(clusters)
def test_signs_flip_by_component_against_all_patterns(values: list[list[float]]) -> None:
    gains = np.array([v for c in values for v in c])
    at = iter(range(len(gains)))
    parts = [[next(at) for _ in c] for c in values]
    found = judge("nDCG@10", gains, parts)
    assert found is not None
    sums = np.array([sum(c) for c in values])
    patterns = np.array(list(itertools.product([1, -1], repeat=len(sums))))
    p = (np.abs(patterns @ sums) >= abs(sums.sum()) - 1e-12).mean()
    assert found.p == pytest.approx(p)
    assert found.mean == pytest.approx(gains.mean())
    assert found.low <= found.mean + 1e-12
    assert found.high >= found.mean - 1e-12
    assert (found.low > 1e-15 or found.high < -1e-15) == (found.p <= 0.05)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([-0.5, -0.2, 0.1, 0.3]), min_size=2, max_size=9))
def test_components_of_one_query_are_the_plain_test(values: list[float]) -> None:
    d = np.array(values)
    plain, found = PairedTest(d, 1.0), judge("nDCG@10", d, singles(len(d)))
    assert found is not None
    assert (found.p, found.low, found.high) == (plain.p, *plain.interval())


@settings(max_examples=30, deadline=None)
@given(clusters)
def test_the_interval_is_of_means_that_the_test_keeps(values: list[list[float]]) -> None:
    """The test of sum - t * size, by all sign patterns, rejects t outside of the interval only."""
    sums = np.array([sum(c) for c in values])
    sizes = np.array([len(c) for c in values])
    if not sums.any() or (sums == 0).any():  # the number of queries without a difference is drawn
        return
    low, high = PairedTest(sums, 1.0, sizes=sizes).interval()
    patterns = np.array(list(itertools.product([1, -1], repeat=len(sums))))
    for t in np.linspace(-1, 1, 81):
        d = sums - t * sizes
        p = (np.abs(patterns @ d) >= abs(d.sum()) - 1e-12).mean()
        if low + 1e-9 < t < high - 1e-9:
            assert p > 0.05
        elif t < low - 1e-9 or t > high + 1e-9:
            assert p <= 0.05


def test_a_cluster_counts_once() -> None:
    """Twenty queries that gain together are one observation, not twenty."""
    gains = np.full(24, 0.1)
    apart = judge("nDCG@10", gains, singles(24))
    together = judge("nDCG@10", gains, [list(range(20)), [20], [21], [22], [23]])
    assert apart is not None
    assert together is not None
    assert apart.p < 0.001
    assert together.p > 0.05
    assert judge("nDCG@10", np.full(3, np.nan), singles(3)) is None


def test_queries_whose_documents_another_fold_has() -> None:
    folds = [[0, 1], [2, 3]]
    found = queries_with_seen_documents(folds, [["a"], ["b"], ["b", "c"], ["d"]])
    assert found.tolist() == [1, 2]
