"""Counterfactual estimates against simulated users whose clicks in the other order are known."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from qembed.feedback.counterfactual import (
    FOLDS,
    Counterfactual,
    ReorderedAnswer,
    estimate_order,
)
from qembed.feedback.propensity.estimate import Propensities
from tests.feedback.simulated import examined, position_based

DOCUMENTS = 8
LOOK = examined(DOCUMENTS)
KNOWN = Propensities(tuple(LOOK), ("first",) * DOCUMENTS)


def orders(rng: np.random.Generator, better: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(attractions of a query's documents, the logged order, another one that is `better`)."""
    attraction = np.where(rng.random(DOCUMENTS) < 0.3, 0.8, 0.1)
    old = np.argsort(-(attraction + rng.normal(size=DOCUMENTS)))
    new = np.argsort(-((1 + better) * attraction + rng.normal(size=DOCUMENTS)))
    return attraction, old, new


def truth(better: float, n: int = 40_000) -> float:
    """Clicks an answer that the other order has more than the logged one, over all queries there could be."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(n):
        attraction, old, new = orders(rng, better)
        found.append(LOOK @ attraction[new] - LOOK @ attraction[old])
    return float(np.mean(found))


def simulated(
    rng: np.random.Generator, better: float, queries: int = 40, sessions: int = 400
) -> Counterfactual:
    users = position_based(LOOK)
    of_query = [orders(rng, better) for _ in range(queries)]
    answers = []
    for s in range(sessions):
        q = s % queries
        attraction, old, new = of_query[q]
        clicked = users(rng, attraction[old])
        answers.append(
            ReorderedAnswer(
                f"{s}",
                f"q{q}",
                {f"d{d}": r for r, d in enumerate(old, 1)},
                {f"d{d}": r for r, d in enumerate(new, 1)},
                frozenset(f"d{d}" for d in old[clicked]),
            )
        )
    found = estimate_order(answers, KNOWN)
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("better", [0.0, 2.0])
def test_intervals_hold_the_truth_as_often_as_they_say(better: float) -> None:
    rng = np.random.default_rng(7)
    true = truth(better)
    runs = [simulated(rng, better) for _ in range(120)]
    for name in ("ips", "doubly_robust"):
        found = [getattr(run, name) for run in runs]
        held = sum(e.low <= true <= e.high for e in found)
        # of 120 intervals of 95 % 114 are expected; 107 or fewer have a chance of .3 %
        assert held >= 108, name
        mean = np.mean([e.difference for e in found])
        error = np.std([e.difference for e in found]) / np.sqrt(len(found))
        assert abs(mean - true) < 4 * error, name
    spread = {
        name: np.std([getattr(run, name).difference for run in runs])
        for name in ("ips", "doubly_robust")
    }
    assert spread["doubly_robust"] < 1.02 * spread["ips"]
    verdicts = [run.verdict for run in runs]
    if better:
        assert verdicts.count("better") > 100
        assert np.mean([r.self_normalised.difference for r in runs]) > 0
    else:
        assert verdicts.count("undecided") >= 108


def answer(shown: str, other: str, clicked: str, name: str = "1") -> ReorderedAnswer:
    return ReorderedAnswer(
        name,
        name,
        {d: r for r, d in enumerate(shown, 1)},
        {d: r for r, d in enumerate(other, 1)},
        frozenset(clicked),
    )


def test_by_hand() -> None:
    half = Propensities((1.0, 0.5, 0.25), ("first",) * 3)
    found = estimate_order([answer("abc", "cax", "c"), answer("abc", "abc", "a", "2")], half)
    assert found is not None
    # c moves from rank 3 to 1, a stays: 1 / .25 and 1 clicks instead of 1 and 1
    assert (found.ips.before, found.ips.after) == (1.0, 2.5)
    # of c a quarter was looked at, then all: (.25 · 4 + 1) / 5, then (1 · 4 + 1) / 5
    assert found.self_normalised.before == pytest.approx(2 / 5)
    assert found.self_normalised.after == pytest.approx(1.0)
    assert found.shown == pytest.approx((1 + 0.5 + 1.75) / 3.5)
    assert (found.ips.low, found.ips.high, found.verdict) == (None, None, "undecided")


def test_the_logged_order_itself_is_worth_what_it_was() -> None:
    answers = [answer("abcd", "abcd", c, str(i)) for i, c in enumerate(["a", "", "bd", "c", "a"])]
    found = estimate_order(answers, KNOWN)
    assert found is not None
    for e in (found.ips, found.self_normalised, found.doubly_robust):
        assert e.difference == pytest.approx(0, abs=1e-12)
        assert e.after == pytest.approx(e.before)
    assert found.shown == 1
    assert found.verdict == "undecided"


def test_propensities_that_are_not_told_apart_prove_nothing() -> None:
    answers = [
        answer("abcd", "dcba", c, str(i)) for i, c in enumerate(["d", "cd", "d", "d", "cd"] * 8)
    ]
    found = estimate_order(answers, KNOWN)
    assert found is not None
    assert (found.told, found.verdict) == (1.0, "better")
    for method in ("click rate", "assumed"):
        guessed = Propensities(KNOWN.values, ("first", *(method,) * (DOCUMENTS - 1)))
        found = estimate_order(answers, guessed)
        assert found is not None
        assert (found.told, found.verdict) == (0.0, "unknown")


def test_what_is_known_of_propensities_is_part_of_the_interval() -> None:
    answers = [
        answer("abcd", "dcba", c, str(i)) for i, c in enumerate(["d", "cd", "a", "d", "b"] * 8)
    ]
    others = [
        Propensities(tuple(LOOK ** (1 + x)), KNOWN.methods) for x in np.linspace(-0.3, 0.3, 30)
    ]
    sure, unsure, same = (
        estimate_order(answers, KNOWN, resampled) for resampled in ((), others, [KNOWN] * 30)
    )
    assert sure is not None
    assert unsure is not None
    assert same is not None
    for name in ("ips", "self_normalised", "doubly_robust"):
        a, b = getattr(sure, name), getattr(unsure, name)
        assert a.difference == b.difference
        assert b.high - b.low > 1.05 * (a.high - a.low)
        assert getattr(same, name).high == pytest.approx(a.high)


def test_weights_are_clipped() -> None:
    steep = Propensities((1.0, 0.001), ("first",) * 2, clip=10)
    found = estimate_order([answer("ab", "ba", "b")], steep)
    assert found is not None
    assert found.ips.after == 10


def test_nothing_clicked_nothing_told() -> None:
    assert estimate_order([], KNOWN) is None
    assert estimate_order([answer("ab", "ba", "")], KNOWN) is None


def naive_clicks(answers: list[ReorderedAnswer], known: Propensities) -> dict[str, float]:
    """Clicks an answer by the formulas, hit by hit."""

    def fold(a: ReorderedAnswer) -> int:
        return hashlib.blake2b(a.answer_id.encode()).digest()[0] % FOLDS

    def attraction(a: ReorderedAnswer, d: str) -> float:
        others = [o for o in answers if fold(o) != fold(a)]
        looks = sum(known.look(r) for o in others for r in o.shown.values())
        mean = sum(len(o.clicked) for o in others) / looks
        if not any(o.group == a.group and d in o.shown for o in answers):
            return 0.0
        same = [o for o in others if o.group == a.group and d in o.shown]
        clicks = sum(d in o.clicked for o in same)
        return (clicks + mean) / (sum(known.look(o.shown[d]) for o in same) + 1)

    ips = robust = 0.0
    for a in answers:
        robust += sum(known.look(r) * attraction(a, d) for d, r in a.other.items())
        for d, r in a.shown.items():
            new = known.look(a.other[d]) if d in a.other else 0.0
            w, c = min(known.clip, new / known.look(r)), d in a.clicked
            ips += w * c
            robust += w * (c - known.look(r) * attraction(a, d))
    return {"ips": ips / len(answers), "doubly_robust": robust / len(answers)}


@pytest.mark.parametrize("seed", range(5))
def test_the_formulas_hit_by_hit(seed: int) -> None:
    rng = np.random.default_rng(seed)
    look = np.sort(rng.random(4))[::-1]
    known = Propensities(tuple(look), ("first",) * 4, clip=3.0)
    answers = []
    for n in range(30):
        shown, other = (rng.permutation(list("abcdef"))[:4] for _ in range(2))
        clicked = "".join(d for d in shown if rng.random() < 0.4)
        a = answer("".join(shown), "".join(other), clicked, str(n))
        answers.append(replace(a, group=f"g{n % 4}"))
    found = estimate_order(answers, known)
    assert found is not None
    for name, value in naive_clicks(answers, known).items():
        assert getattr(found, name).after == pytest.approx(value)
