"""Judged queries again and again: the first result is the reference, levels are spent, small steps add up."""

from __future__ import annotations

import random

import pytest

from qembed.drift.signal import ALPHA
from qembed.drift.spending import LOOKS, level_share, spent_p
from qembed.pipeline.drift.golden import compare_golden

QUERIES = [f"q{i}" for i in range(60)]


def results(mean: float, seed: int) -> dict[str, float]:
    rng = random.Random(seed)
    return {q: min(1.0, max(0.0, rng.gauss(mean, 0.05))) for q in QUERIES}


def test_the_levels_of_a_cycle_sum_to_alpha_at_most() -> None:
    shares = [level_share(k) for k in range(1, LOOKS + 1)]
    assert sum(shares) <= 1
    assert sum(shares) > 0.99
    assert shares == sorted(shares, reverse=True)
    assert spent_p(ALPHA * level_share(7), 7) == pytest.approx(ALPHA)
    assert spent_p(0.9, 3) == 1


def test_the_first_result_is_stored_and_tells_nothing() -> None:
    found = compare_golden(results(0.6, 1), {}, 3, "key", [])
    assert found.signal is None
    assert found.told["before"] is None
    assert found.entry["look"] == 0
    assert found.entry["values"].keys() == set(QUERIES)


def test_a_drop_alarms_and_names_the_queries_that_lost_most() -> None:
    first = compare_golden(results(0.6, 1), {}, 3, "key", [])
    worse = {q: v - (0.5 if q in ("q7", "q9") else 0.08) for q, v in results(0.6, 1).items()}
    found = compare_golden(worse, {"q7": "where is it"}, 4, "key", [first.entry])
    signal = found.signal
    assert signal is not None
    assert signal.effect == pytest.approx(0.094, abs=0.001)
    assert signal.p < 0.01
    assert {e["query"] for e in signal.evidence[:2]} == {"q7", "q9"}
    assert next(e["text"] for e in signal.evidence if e["query"] == "q7") == "where is it"
    better = compare_golden(
        {q: v + 0.1 for q, v in results(0.6, 1).items()}, {}, 4, "key", [first.entry]
    )
    assert better.signal is not None
    assert (better.signal.effect, better.signal.p) == (0, 1)


def test_a_loss_in_small_steps_is_seen() -> None:
    history = [compare_golden(results(0.7, 0), {}, 0, "key", []).entry]
    alarmed = []
    for look in range(1, 12):
        found = compare_golden(results(0.7 - 0.008 * look, look), {}, look, "key", history)
        history.append(found.entry)
        assert found.signal is not None
        assert found.entry["look"] == look
        alarmed.append(found.signal.p <= 0.01)
    assert not alarmed[0]
    assert alarmed[-1]


def test_the_same_answers_are_no_look_and_other_queries_begin_anew() -> None:
    first = compare_golden(results(0.6, 1), {}, 1, "key", []).entry
    second = compare_golden(results(0.6, 2), {}, 2, "key", [first]).entry
    again = compare_golden(results(0.6, 2), {}, 3, "key", [first, second]).entry
    assert (second["look"], again["look"]) == (1, 1)
    other = compare_golden({"x": 0.5}, {}, 4, "key", [first, second, again])
    assert other.signal is None
    assert other.entry["look"] == 0


def test_after_a_cycle_the_next_result_is_the_reference() -> None:
    first = compare_golden(results(0.6, 1), {}, 1, "key", []).entry
    last = {**compare_golden(results(0.6, 2), {}, 2, "key", [first]).entry, "look": LOOKS}
    found = compare_golden(results(0.5, 3), {}, 3, "key", [first, last])
    assert found.signal is None
    assert found.entry["look"] == 0


@pytest.mark.slow
def test_false_alarms_of_many_looks_stay_below_alpha() -> None:
    alarms = 0
    for seed in range(12):
        rng = random.Random(seed)
        values = [rng.gauss(0.6, 0.2) for _ in range(30)]
        history = [
            compare_golden({str(i): v for i, v in enumerate(values)}, {}, 0, "key", []).entry
        ]
        for look in range(1, 16):
            now = {str(i): v + rng.gauss(0, 0.03) for i, v in enumerate(values)}
            found = compare_golden(now, {}, look, "key", history)
            history = [history[0], found.entry]
            if found.signal is not None and found.signal.p <= ALPHA:
                alarms += 1
                break
    assert alarms <= 3  # of 12 cycles, .05 each: more come in less than 1 %
