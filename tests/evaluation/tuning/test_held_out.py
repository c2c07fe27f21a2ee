"""Nested cross-validation and its verdict: no held-out query ever chooses; chance is not called a gain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from threadpoolctl import threadpool_limits

from qembed.evaluation.paired_test import PairedTest
from qembed.evaluation.tuning import (
    held_out_gains,
    judge,
    make_folds,
    random_folds,
    selection_p,
    simplest_of_the_best,
)
from qembed.evaluation.tuning.nested import queries_with_seen_documents
from qembed.evaluation.tuning.selection_test import SEED


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of small products only wait for one another on a machine that is busy."""
    with threadpool_limits(1):
        yield


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


Kind = Callable[[np.random.Generator, int, int], np.ndarray]


def apart(rng: np.random.Generator, arms: int, n: int) -> np.ndarray:
    """Arms without any effect, each with its own noise."""
    return np.clip(rng.normal(0.5, 0.3, n) + rng.normal(0, 0.15, (arms, n)), 0, 1)


def remembered(rng: np.random.Generator, arms: int, n: int) -> np.ndarray:
    """Arms that know a third of the documents each, by chance; six queries a document."""
    known = np.repeat(rng.random((arms, n // 6)) < 1 / 3, 6, axis=1)
    return np.asarray(0.8 * known + rng.normal(0, 0.1, (arms, n)))


def cross_validated(
    table: np.ndarray, folds: list[list[int]], components: list[list[int]]
) -> tuple[np.ndarray, float]:
    """(held-out gains of a choice among arms, the first of them the reference; p of the whole choice)."""
    gains = held_out_gains(folds, chooser(table), lambda arm: table[arm], 0).gains
    cost = [0.0] + [1.0] * (len(table) - 1)
    return gains, selection_p(table - table[0], cost, folds, components, 499)


@pytest.mark.slow
@pytest.mark.parametrize(("make", "size", "arms"), [(apart, 1, 60), (remembered, 6, 30)])
def test_chance_is_called_a_gain_no_more_often_than_it_says(
    make: Kind, size: int, arms: int
) -> None:
    """Over 150 draws without any effect: the reject rate is at most .05, beyond chance."""
    draws = 150
    called = alone = 0
    components = [list(range(at, at + size)) for at in range(0, 60, size)]
    for seed in range(draws):
        table = make(np.random.default_rng(seed), arms, 60)
        gains, p = cross_validated(table, make_folds(components, 5, seed), components)
        by_gains = PairedTest(gains.reshape(-1, size).sum(axis=1), patterns=500).p
        called += max(p, by_gains) <= 0.05
        alone += by_gains <= 0.05
    assert called <= binom.ppf(0.99, draws, 0.05)
    assert alone > 1.5 * called, "the gains by themselves would call it one: the test of this test"


@pytest.mark.slow
def test_the_interval_agrees_with_the_larger_p() -> None:
    rng = np.random.default_rng(2)
    for effect in (0.0, 0.03, 0.05, 0.07, 0.3):
        gains = rng.normal(effect, 0.15, 40)
        for p in (0.0005, 0.01, 0.0499, 0.0501, 0.2, 1.0):
            found = judge("nDCG@10", gains, singles(40), p)
            assert found is not None
            assert found.p >= p
            assert (found.low > 0 or found.high < 0) == (found.p <= 0.05)
            plain = judge("nDCG@10", gains, singles(40))
            assert plain is not None
            assert found.low <= plain.low <= plain.mean <= plain.high <= found.high


@pytest.mark.slow
def test_memory_of_documents_shows_where_they_were_seen_only() -> None:
    """60 draws: plain folds, which have each document on both sides, show a gain; whole components none."""
    new, seen = [], []
    for seed in range(60):
        table = remembered(np.random.default_rng(seed), 30, 60)
        components = [list(range(at, at + 6)) for at in range(0, 60, 6)]
        new.append(cross_validated(table, make_folds(components, 5, seed), components)[0].mean())
        seen.append(cross_validated(table, random_folds(60, 5, seed), components)[0].mean())
    error = float(np.std(new)) / 60**0.5
    assert abs(float(np.mean(new))) < 3 * error
    assert float(np.mean(seen)) > 5 * error


def test_choices_under_signs_are_those_of_the_rule() -> None:
    """Against the choice made with flipped differences, and the sum of the gains that it holds out."""
    rng = np.random.default_rng(4)
    table = rng.normal(0, 0.2, (9, 40))
    table[0] = 0.0
    cost = [0.0, 1.0, 1.0, 2.0, 1.0, 3.0, 2.0, 1.0, 2.0]
    components = [[i, i + 1] for i in range(0, 40, 2)]
    folds = make_folds(components)
    draws = np.random.default_rng(SEED).choice(np.array([-1.0, 1.0]), (20, 200))
    draws[:, 0] = 1.0
    totals = []
    for signs in draws.T:
        flipped = table * np.repeat(signs, 2)
        held = held_out_gains(
            folds,
            lambda at, t=flipped: simplest_of_the_best([row[at] for row in t], cost),
            lambda arm, t=flipped: t[arm],
            0,
        )
        totals.append(held.gains.sum())
    wanted = (np.abs(totals) >= abs(totals[0]) - 1e-9).mean()
    assert selection_p(table, cost, folds, components, 199) == pytest.approx(wanted)


def test_queries_in_no_fold_choose_and_do_not_judge() -> None:
    table = np.zeros((2, 40))
    table[1, 20:] = 0.5
    components = singles(40)
    folds = make_folds(components[:20])
    assert selection_p(table, [0.0, 1.0], folds, components) == 1.0
    table[1, :20] = 0.1
    assert selection_p(table, [0.0, 1.0], folds, components) < 0.01


def test_without_a_choice_there_is_no_evidence() -> None:
    table = np.zeros((3, 30))
    assert selection_p(table, [0.0, 1.0, 1.0], make_folds(singles(30)), singles(30)) == 1.0


def test_a_true_effect_is_found() -> None:
    rng = np.random.default_rng(1)
    table = np.clip(rng.normal(0.5, 0.2, (30, 60)), 0, 1)
    table[17] = np.clip(table[0] + rng.normal(0.2, 0.1, 60), 0, 1)
    folds = make_folds(singles(60))
    assert set(held_out_gains(folds, chooser(table), lambda arm: table[arm], 0).chosen) == {17}
    gains, p = cross_validated(table, folds, singles(60))
    gain = judge("nDCG@10", gains, singles(60), p)
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
