from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from qembed.feedback.interleaving import (
    Outcome,
    anytime_p,
    compare_teams,
    credited,
    decisive_needed,
    sign_test,
    team_draft,
    unit_outcome,
)
from tests.feedback.simulated import examined, position_based

rankings = st.lists(st.sampled_from("abcdefghij"), unique=True)


@given(rankings, rankings, st.integers(0, 12), st.integers(0, 5))
def test_a_draft_has_each_document_once_in_the_order_of_its_team(
    a: list[str], b: list[str], count: int, seed: int
) -> None:
    found = team_draft(a, b, count, seed)
    assert len(found.ids) == min(count, len({*a, *b})) == len(set(found.ids))
    assert found == team_draft(a, b, count, seed)
    teams = found.team_of()
    for name, ranking in (("A", a), ("B", b)):
        picked = [d for d in found.ids if teams[d] == name]
        assert picked == sorted(picked, key=ranking.index)
    # a team picks its best document that is left
    for n, (document, team) in enumerate(zip(found.ids, found.teams, strict=True)):
        left = [d for d in (a if team == "A" else b) if d not in found.ids[:n]]
        assert left[0] == document


def test_two_equal_rankings_stay_as_they_are_and_each_picks_half() -> None:
    ranking = list("abcdefghij")
    counts: Counter[str] = Counter()
    for seed in range(400):
        found = team_draft(ranking, ranking, seed=seed)
        assert list(found.ids) == ranking
        assert found.teams.count("A") == 5
        counts[found.teams[0]] += 1
    assert abs(counts["A"] - 200) < 60


def test_credit_and_outcome() -> None:
    teams = team_draft(["a", "x"], ["b", "y"], seed=1).team_of()
    assert credited(teams, ["a", "a", "x", "b", "elsewhere"]) == 1
    assert [unit_outcome(c) for c in (2, -1, 0)] == ["A", "B", "tie"]


@given(st.integers(0, 400), st.integers(0, 400))
def test_the_sign_test_is_the_exact_binomial_one(wins: int, losses: int) -> None:
    expected = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_negative_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="not negative"):
        sign_test(-1, 2)


@pytest.mark.parametrize("share", [0.52, 0.55, 0.6, 0.75, 0.9, 1.0])
def test_the_needed_number_has_the_power_and_a_little_less_has_not(share: float) -> None:
    def power(n: int) -> float:
        k = np.arange(n + 1)
        log = np.array(
            [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in k]
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = np.exp(
                log + k * np.log(share) + np.where(k < n, (n - k) * np.log1p(-share), 0)
            )
        significant = [sign_test(int(i), n - int(i)) <= 0.05 for i in k]
        return float(np.nansum(chance * significant))

    n = decisive_needed(share)
    assert n is not None
    assert power(n) >= 0.8 - 1e-9
    assert power(n - 1) < 0.8 + 1e-9
    assert decisive_needed(1 - share) == n


def test_no_difference_needs_no_number() -> None:
    assert decisive_needed(0.5) is None
    assert decisive_needed(0.5000001) is None or decisive_needed(0.5000001) > 10**9
    found = compare_teams(["A", "B", "tie"])
    assert (found.p, found.needed, found.still_needed, found.units) == (1.0, None, None, 3)
    assert compare_teams([]).share is None


def sessions(rng: np.random.Generator, n: int, better: float, users: object) -> list[Outcome]:
    """Outcomes of `n` sessions: A's order is by relevance with less noise than B's, or with as much."""
    found: list[Outcome] = []
    names = [f"d{i}" for i in range(10)]
    for _ in range(n):
        relevance = np.zeros(10)
        relevance[rng.choice(10, 3, replace=False)] = 1.0
        a = np.argsort(-(relevance * (0.5 + better) + rng.normal(size=10)))
        b = np.argsort(-(relevance * 0.5 + rng.normal(size=10)))
        mixed = team_draft(
            [names[i] for i in a], [names[i] for i in b], 10, int(rng.integers(2**31))
        )
        order = np.array([int(d[1:]) for d in mixed.ids])
        clicked = users(rng, np.where(relevance[order] > 0, 0.7, 0.15))  # type: ignore[operator]
        teams = mixed.team_of()
        found.append(unit_outcome(credited(teams, [mixed.ids[i] for i in np.flatnonzero(clicked)])))
    return found


def level(n: int) -> float:
    """Probability that the sign test of n wins and losses says that equal ones differ."""
    return sum(math.comb(n, k) for k in range(n + 1) if sign_test(k, n - k) <= 0.05) / 2**n


def test_the_exact_level_of_the_sign_test_is_a_twentieth_at_most() -> None:
    assert max(level(n) for n in range(1, 150)) <= 0.05
    assert level(301) <= 0.05


@pytest.mark.slow
def test_two_equal_systems_are_told_apart_one_time_in_twenty_at_most() -> None:
    rng = np.random.default_rng(11)
    users = position_based(examined(10))
    runs = [compare_teams(sessions(rng, 60, 0.0, users)) for _ in range(200)]
    wins, losses = sum(run.a for run in runs), sum(run.b for run in runs)
    assert sign_test(wins, losses) > 0.01  # the draft favours neither
    # each has exactly this chance of an alarm, as wins and losses are equally likely
    chances = [level(run.a + run.b) for run in runs]
    assert sum(chances) <= 10
    alarms = sum(run.p <= 0.05 for run in runs)
    spread = math.sqrt(sum(c * (1 - c) for c in chances))
    assert abs(alarms - sum(chances)) < 4 * spread
    assert alarms <= 10
    assert sum(run.anytime_p <= 0.05 for run in runs) <= 10


BETTER = 0.26
"""Strength of the better system in `sessions` that makes .05 nDCG@10."""


def ndcg(rng: np.random.Generator, strength: float, n: int) -> float:
    """Mean nDCG of n rankings as `sessions` makes them."""
    discounts = 1 / np.log2(np.arange(2, 12))
    relevance = np.zeros((n, 10))
    relevance[:, :3] = 1.0
    order = np.argsort(-(relevance * strength + rng.normal(size=(n, 10))), axis=1)
    gains = np.take_along_axis(relevance, order, axis=1) @ discounts
    return float(gains.mean() / discounts[:3].sum())


@pytest.mark.slow
def test_a_difference_of_a_twentieth_ndcg_is_seen_with_the_announced_number_of_sessions() -> None:
    rng = np.random.default_rng(12)
    gap = ndcg(rng, 0.5 + BETTER, 100_000) - ndcg(rng, 0.5, 100_000)
    assert gap == pytest.approx(0.05, abs=0.005)
    every = sessions(rng, 12_000, BETTER, position_based(examined(10)))
    announced = compare_teams(every)
    assert announced.needed is not None
    assert 500 < announced.needed < 5000
    runs, seen = 400, 0
    for _ in range(runs):
        drawn = rng.choice(len(every), announced.needed)
        outcomes = [every[i] for i in drawn.tolist()]
        seen += sign_test(outcomes.count("A"), outcomes.count("B")) <= 0.05
    # four times in five, within three standard errors
    assert seen / runs == pytest.approx(0.8, abs=3 * math.sqrt(0.8 * 0.2 / runs))


def test_a_p_for_many_looks_is_never_below_that_for_one_at_the_best_moment_but_falls_too() -> None:
    wins: list[Outcome] = ["A"] * 40
    assert anytime_p(wins) < 1e-9
    assert anytime_p([]) == 1.0
    assert anytime_p(["tie"] * 50) == 1.0
    assert anytime_p([*wins, *["B"] * 40]) == anytime_p(wins)  # what was seen stays seen


def test_looking_after_each_session_raises_no_false_alarms() -> None:
    rng = np.random.default_rng(13)
    alarms = 0
    for _ in range(400):
        outcomes: list[Outcome] = ["A" if x else "B" for x in rng.random(200) < 0.5]
        alarms += anytime_p(outcomes) <= 0.05
    assert alarms <= 30  # at most 20 expected
