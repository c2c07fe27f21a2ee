from __future__ import annotations

from typing import Any

import pytest

from qembed.feedback.experiments import find_experiments, read_teams
from qembed.feedback.interactions import Interaction, join_events
from qembed.feedback.preferences import PreferenceOptions
from qembed.feedback.records import Event
from tests.feedback.logs import answer, event

BOTH = {"interleaved": {"a": "old", "b": "new", "teams": "ABBAB"}}


def shared(query_id: str, **fields: Any) -> Any:
    return answer(query_id, settings=BOTH, **fields)


def compared(rows: list[Any], events: list[Event]) -> list[tuple[str, str, int, int, int]]:
    found = find_experiments(join_events(rows, events).interactions, PreferenceOptions())
    return [(e.a, e.b, e.comparison.a, e.comparison.b, e.comparison.ties) for e in found]


def test_a_session_is_one_unit_whatever_was_clicked_in_it() -> None:
    rows = [shared(f"{n}", client_id="c", session_id="s", time=float(n)) for n in range(3)]
    events = [event("0", "click", "b"), event("1", "click", "c"), event("2", "click", "a")]
    assert compared(rows, events) == [("old", "new", 0, 1, 0)]


def test_clients_and_answers_are_units_where_there_are_no_sessions() -> None:
    rows = [shared("1", client_id="c"), shared("2", client_id="c"), shared("3", client_id="")]
    events = [event("1", "click", "a"), event("2", "click", "b"), event("3", "click", "d")]
    assert compared(rows, events) == [("old", "new", 1, 0, 1)]


def test_attributes_of_ubi_name_an_experiment_too() -> None:
    row = answer("1", settings={"query_attributes": BOTH})
    assert compared([row], [event("1", "click", "a")]) == [("old", "new", 1, 0, 0)]


@pytest.mark.parametrize(
    ("action", "fields", "wins"),
    [
        ("click", {}, 1),
        ("copy", {}, 1),
        ("thumbs_up", {}, 1),
        ("thumbs_down", {}, 0),
        ("click", {"seconds": 1.0}, 0),
        ("impression", {}, 0),
    ],
)
def test_what_is_a_credit(action: str, fields: dict[str, Any], wins: int) -> None:
    found = compared([shared("1")], [event("1", action, "b", **fields)])
    assert found == [("old", "new", 0, wins, 1 - wins)]


def test_persons_and_agents_are_compared_apart_and_judges_not_at_all() -> None:
    rows = [shared("1"), shared("2", client_kind="agent")]
    events = [
        event("1", "click", "a"),
        event("2", "cite", "b", client_kind="agent"),
        event("1", "thumbs_up", "b", source="judge"),
    ]
    found = find_experiments(join_events(rows, events).interactions, PreferenceOptions())
    assert [(e.kind, e.comparison.a, e.comparison.b) for e in found] == [
        ("person", 1, 0),
        ("agent", 0, 1),
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "AB",
        {"a": "x"},
        {"a": "x", "b": "y", "teams": "AB"},
        {"a": "x", "b": "y", "teams": "ABXAB"},
    ],
)
def test_settings_that_are_no_experiment(value: Any) -> None:
    row = answer("1", settings={"interleaved": value})
    assert read_teams(Interaction(row)) is None
    assert compared([row], [event("1", "click", "a")]) == []
