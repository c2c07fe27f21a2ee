from __future__ import annotations

import pytest

from qembed.feedback.preferences import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, read_signals
from tests.feedback.logs import event

OPTIONS = PreferenceOptions()


@pytest.mark.parametrize(
    ("actions", "grade", "reason"),
    [
        ([("click", None)], Grade.CLICK, "click"),
        ([("open", None)], Grade.CLICK, "click"),
        ([("read", None)], Grade.CLICK, "read"),
        ([("click", None), ("copy", None)], Grade.USE, "copy"),
        ([("cite", None)], Grade.USE, "cite"),
        ([("click", None), ("dwell", 45.0)], Grade.USE, "dwell"),
        ([("click", None), ("dwell", 2.0)], Grade.BOUNCE, "bounce"),
        ([("click", None), ("dwell", 2.0), ("dwell", 12.0)], Grade.CLICK, "click"),
        ([("dwell", 12.0)], Grade.CLICK, "click"),
        ([("click", 2.0)], Grade.BOUNCE, "bounce"),
        ([("copy", None), ("dwell", 2.0)], Grade.USE, "copy"),
        ([("copy", None), ("thumbs_down", None)], Grade.AGAINST, "vote"),
        ([("thumbs_down", None), ("thumbs_up", None)], Grade.FOR, "vote"),
        ([("thumbs_up", None), ("thumbs_down", None)], Grade.AGAINST, "vote"),
    ],
)
def test_the_strongest_action_gives_the_grade_and_the_last_vote_decides(
    actions: list[tuple[str, float | None]], grade: Grade, reason: str
) -> None:
    events = [
        event("1", action, "b", 100.0 + n, seconds=seconds)
        for n, (action, seconds) in enumerate(actions)
    ]
    signal = read_signals(events, OPTIONS)["b"]
    assert (signal.grade, signal.reason) == (grade, reason)


def test_how_long_an_agent_takes_says_nothing() -> None:
    for seconds in (0.01, 500.0):
        read = event("1", "read", "b", seconds=seconds, client_kind="agent")
        assert read_signals([read], OPTIONS)["b"].grade == Grade.CLICK


@pytest.mark.parametrize("action", ["impression", "search", "hover", "success"])
def test_other_actions_say_nothing(action: str) -> None:
    assert read_signals([event("1", action, "b")], OPTIONS) == {}


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_events_without_trust_say_nothing(weight: float) -> None:
    assert read_signals([event("1", "click", "b", weight=weight)], OPTIONS) == {}


def test_trust_is_at_most_1() -> None:
    assert read_signals([event("1", "click", "b", weight=50.0)], OPTIONS)["b"].weight == 1.0


def test_an_event_without_a_document_says_nothing() -> None:
    assert read_signals([event("1", "click", "")], OPTIONS) == {}
