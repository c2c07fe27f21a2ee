from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qembed.feedback.preferences import PreferenceOptions, find_preferences
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from tests.feedback.logs import answer, event


def trace(name: str, cited: str, outcome: str, steps: int | None = None, shown: str = "abcde"):
    row = answer(name, shown, client_kind="agent", session_id=name)
    attributes: dict[str, Any] = {} if steps is None else {"steps": steps}
    events = [event(name, "cite", d, client_kind="agent") for d in cited]
    events.append(event(name, outcome, client_kind="agent", attributes=attributes))
    return row, events


def preferred(*traces: tuple[LoggedQuery, list[Event]]) -> dict[tuple[str, str], str]:
    found = find_preferences([t[0] for t in traces], [e for t in traces for e in t[1]])
    return {(p.preferred, p.rejected): p.reason for p in found.preferences}


def test_what_a_success_used_is_preferred_to_what_a_failure_used() -> None:
    # shown to the one and not to the other: only the outcome compares them
    found = preferred(
        trace("1", "a", "success", shown="ab"), trace("2", "z", "failure", shown="yz")
    )
    assert found == {("a", "b"): "cite over unused", ("a", "z"): "success over failure"}


def test_what_both_used_is_not_held_against_it() -> None:
    found = preferred(trace("1", "a", "success"), trace("2", "a", "failure"))
    assert all(rejected != "a" for _, rejected in found)


def test_failures_alone_prefer_nothing() -> None:
    assert preferred(trace("1", "a", "failure"), trace("2", "b", "failure")) == {}


def test_fewer_steps_are_preferred_to_more() -> None:
    found = preferred(
        trace("1", "a", "success", 3, shown="a"), trace("2", "z", "success", 9, shown="z")
    )
    assert found == {("a", "z"): "fewer steps"}


def test_a_reformulated_query_is_a_mild_no_for_what_it_showed() -> None:
    rows = [
        answer("1", "ab", "refnd", client_kind="agent", session_id="s", client_id="c", time=1.0),
        answer("2", "cd", "refund", client_kind="agent", session_id="s", client_id="c", time=2.0),
    ]
    events = [
        event("1", "reformulate", client_kind="agent"),
        event("2", "cite", "c", client_kind="agent"),
        event("2", "success", client_kind="agent"),
    ]
    found = find_preferences(rows, events).preferences
    assert {(p.query, p.preferred, p.rejected, p.reason) for p in found} == {
        ("refnd", "c", "a", "reformulated"),
        ("refnd", "c", "b", "reformulated"),
        ("refund", "c", "d", "cite over unused"),
    }
    weights = {p.reason: p.weight for p in found}
    assert weights["reformulated"] < weights["cite over unused"] / 4


@pytest.mark.parametrize("false_share", [0.0, 0.2])
@pytest.mark.slow
def test_false_outcomes_do_not_turn_the_order_round(false_share: float) -> None:
    """Made traces: an agent that read a helpful document succeeds 4 times in 5, else 1 time in 5."""
    rng = np.random.default_rng(5)
    rows: list[LoggedQuery] = []
    events: list[Event] = []
    helpful = {
        f"query {q}": {f"q{q}-d{d}" for d in rng.choice(8, 2, replace=False)} for q in range(30)
    }
    for n in range(1500):
        q = f"query {int(rng.integers(30))}"
        documents = [f"q{q.split()[1]}-d{d}" for d in rng.permutation(8)]
        read = documents[: int(rng.integers(1, 4))]
        rows.append(
            LoggedQuery(
                f"t{n}",
                q,
                float(n),
                tuple(ShownHit(d, r) for r, d in enumerate(documents, 1)),
                f"agent {n % 50}",
                "agent",
                f"t{n}",
            )
        )
        success = rng.random() < (0.8 if helpful[q] & set(read) else 0.2)
        if rng.random() < false_share:
            success = not success
        events += [
            Event(f"{n} {d}", f"t{n}", "read", n + 0.1, d, client_kind="agent") for d in read
        ]
        outcome = "success" if success else "failure"
        events.append(Event(f"{n} end", f"t{n}", outcome, n + 0.9, client_kind="agent"))
    found = find_preferences(rows, events, PreferenceOptions(kinds=("agent",)))
    right = wrong = 0
    for p in found.preferences:
        good = helpful[p.query]
        right += p.preferred in good and p.rejected not in good
        wrong += p.rejected in good and p.preferred not in good
    assert right + wrong > 200
    assert right / (right + wrong) > (0.95 if false_share == 0 else 0.85)
