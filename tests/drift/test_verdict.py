"""Verdicts on signals: levels, reasons and next steps; strength of signals."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qembed.drift.signal import EFFECTS, KINDS, Signal, adjust
from qembed.drift.verdict import LEVELS, NEXT, Situation, judge

PLENTY = Situation(1000, 3000, 500, 2000)


def signal(name: str, effect: float, p: float = 0.001) -> Signal:
    return Signal(name, effect, p, f"{name} said", adjusted=p)


@pytest.mark.parametrize(
    ("signals", "level", "step"),
    [
        ([], "nothing", "nothing"),
        ([signal("centroid", 0.9, 0.2)], "nothing", "nothing"),
        ([signal("centroid", 0.01)], "nothing", "nothing"),
        ([signal("centroid", 0.12)], "watch", "wait"),
        ([signal("centroid", 0.3, 0.03)], "watch", "wait"),
        ([signal("subjects", 0.2)], "confirm", "make-judgments"),
        ([signal("unread", 0.3), signal("subjects", 0.2)], "update", "other-model"),
        ([signal("unread", 0.3, 0.2)], "nothing", "nothing"),
        ([signal("golden", 0.1)], "update", "adapt"),
        ([signal("golden", 0.1), signal("subjects", 0.6)], "update", "retrain"),
        ([signal("golden", 0.1, 0.04)], "watch", "wait"),
        ([signal("queries", 0.3)], "confirm", "make-judgments"),
        ([signal("queries", 0.3), signal("subjects", 0.2)], "update", "adapt"),
    ],
)
def test_levels_and_steps(signals: list[Signal], level: str, step: str) -> None:
    found = judge(signals, PLENTY)
    assert (found.level, found.next) == (level, step)
    assert found.level in LEVELS
    assert found.next in NEXT
    assert found.enough


def test_judged_queries_change_what_comes_next() -> None:
    judged = replace(PLENTY, judged=True)
    assert judge([signal("subjects", 0.2)], judged).next == "eval"
    assert judge([signal("golden", 0.1)], judged).next == "train"


def test_too_little_text_to_train_on() -> None:
    few = replace(PLENTY, new_passages=300)
    assert judge([signal("golden", 0.1)], few).next == "other-model"


@pytest.mark.parametrize(
    ("situation", "said"),
    [
        (replace(PLENTY, new_passages=99), "99 new passages, 100 are needed"),
        (replace(PLENTY, new_documents=3), "3 new documents, 20 are needed"),
        (replace(PLENTY, old_passages=0), "0 old passages, 100 are needed"),
    ],
)
def test_too_little_text_says_that_it_cannot_say(situation: Situation, said: str) -> None:
    found = judge([signal("unread", 0.5)], situation)
    assert found.level == "nothing"
    assert not found.enough
    assert found.reason == f"cannot say: {said}"


def test_queries_tell_without_new_text() -> None:
    found = judge([signal("queries", 0.3)], Situation(1000, 1000, 0, 0))
    assert (found.level, found.reason, found.next) == ("confirm", "queries said", "make-judgments")
    assert judge([signal("gaps", 0.0)], Situation(1000, 1000, 0, 0)).reason.startswith("cannot say")


def test_the_reason_is_what_the_weightiest_signals_say() -> None:
    found = judge([signal("energy", 0.2), signal("terms", 0.2), signal("subjects", 0.2)], PLENTY)
    assert found.reason == "subjects said; terms said"


def test_signals_are_corrected_for_their_number() -> None:
    found = adjust(
        [replace(signal(n, 0.5), p=0.02, adjusted=1.0) for n in ("energy", "terms", "outside")]
    )
    assert [s.adjusted for s in found] == [0.06] * 3
    assert not any(s.alarm for s in found)
    assert {s.strength for s in found} == {"none"}
    alone = adjust([replace(signal("energy", 0.05), p=0.02)])[0]
    assert alone.alarm
    assert alone.strength == "medium"
    assert alone.to_json()["adjusted_p"] == 0.02


def test_each_test_has_its_kind_and_its_limits() -> None:
    assert EFFECTS.keys() == KINDS.keys()
    assert all(a <= b <= c for a, b, c in EFFECTS.values())
