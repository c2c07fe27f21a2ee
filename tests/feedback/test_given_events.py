"""Events from outside: what their lines mean, and which of them a log takes."""

from __future__ import annotations

from typing import Any

import pytest

from qembed.feedback.given_events import GivenEvent, parse_event, take_events
from qembed.feedback.records import Event, LoggedQuery, ShownHit
from qembed.feedback.times import format_time, parse_time

NOW = 1_800_000_000.0
QUERY = LoggedQuery(
    "q",
    "words",
    NOW - 100,
    (ShownHit("a", 1), ShownHit("b", 3), ShownHit("gone", 4)),
    "c",
    "agent",
    "s",
)


def parsed(**fields: Any) -> GivenEvent:
    return parse_event({"query_id": "q", "action": "click", **fields}, NOW)


def test_a_line_with_everything() -> None:
    event, _, names_client = parsed(
        object="a", position=2, seconds=3, event_id="e", time="2027-01-15T08:00:00Z",
        client="agent:x", session="s", user="u", weight=0.5, source="judge", steps=7,
    )  # fmt: skip
    assert names_client
    assert event == Event(
        "e", "q", "click", NOW, "a", 2, 3.0, "x", "agent", "s", "u", 0.5, "judge", {"steps": 7}
    )


def test_a_line_with_little() -> None:
    event, _, names_client = parsed(position=1)
    assert not names_client
    assert (event.time, event.object_id, event.client_kind) == (NOW, "", "person")


def test_the_same_line_is_the_same_event_if_it_has_a_time() -> None:
    one, two = parsed(object="a", time=5), parsed(time=5, object="a")
    assert one.event.event_id == two.event.event_id
    assert parsed(object="a", time=6).event.event_id != one.event.event_id
    assert parsed(object="a").event.event_id != parsed(object="a").event.event_id


def test_colons_in_an_id_that_is_no_kind() -> None:
    assert parsed(position=1, client="urn:x:1").event.client_id == "urn:x:1"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"query_id": ""}, "query_id: a text"),
        ({"action": 3}, "action: a text"),
        ({"action": "x" * 101}, "action: longer than 100"),
        ({}, "an object, or the position"),
        ({"position": 0}, "position: a whole number from 1"),
        ({"position": True}, "position: a whole number from 1"),
        ({"object": "a", "seconds": -1}, "seconds: a number from 0"),
        ({"object": "a", "seconds": float("nan")}, "seconds: a number from 0"),
        ({"object": "a", "action": "dwell"}, "dwell wants seconds"),
        ({"object": "a", "time": "yesterday"}, "'yesterday' is no time"),
        ({"object": "a", "time": []}, "is no time"),
        ({"object": "a", "weight": 0}, "weight: above 0"),
        ({"object": "a", "client_kind": "robot"}, "client_kind: one of person, agent, test"),
        ({"object": "a", "attributes": 1}, "attributes: an object"),
        ({"object": "a", "v": 2}, "version 2"),
    ],
)
def test_lines_that_make_no_event(fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(**fields)


def test_a_line_that_is_no_object() -> None:
    with pytest.raises(ValueError, match="a JSON object"):
        parse_event([1], NOW)


def event(name: str, at: float = NOW, **more: Any) -> GivenEvent:
    fields = {"object_id": "a", **more}
    return GivenEvent(Event(name, fields.pop("query_id", "q"), "click", at, **fields), f"f:{name}")


def test_what_a_log_takes() -> None:
    given = [
        event("1"),
        event("2", object_id="", position=3),
        event("1"),  # again
        event("old"),
        event("3", query_id="none"),
        event("4", object_id="gone"),
        event("5", object_id="never"),
        event("6", object_id="", position=2),  # a rank that was not shown
        event("7", at=NOW - 161),
        event("8", at=NOW - 159),  # clocks differ by so much
        event("9", at=NOW + 61),
        event("10", object_id="c"),  # in the corpus, not shown: found otherwise
    ]
    found = take_events(given, {"q": QUERY}, {"old"}, lambda name: name in "abc", NOW)
    assert [(e.event_id, e.object_id, e.position) for e in found.events] == [
        ("1", "a", 1),
        ("2", "b", 3),
        ("8", "a", 1),
        ("10", "c", None),
    ]
    assert found.duplicates == 2
    assert [(r.place, r.kind) for r in found.refused] == [
        ("f:3", "unknown query"),
        ("f:4", "left the corpus"),
        ("f:5", "unknown object"),
        ("f:6", "unknown object"),
        ("f:7", "clock"),
        ("f:9", "clock"),
    ]
    assert str(found.refused[4]) == "f:7: it is 61 seconds before its query q"


def test_an_event_of_nobody_is_of_who_asked() -> None:
    mine = event("1", client_id="me", client_kind="person")
    nobody = event("2")._replace(names_client=False)
    found = take_events([mine, nobody], {"q": QUERY}, set(), lambda _: True, NOW)
    assert [(e.client_id, e.client_kind, e.session_id) for e in found.events] == [
        ("me", "person", ""),
        ("c", "agent", "s"),
    ]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("2025-01-24T07:31:30.699+0000", 1737703890.699),
        ("2025-01-24T07:31:30.699Z", 1737703890.699),
        ("2025-01-24T08:31:30.699+01:00", 1737703890.699),
        ("2025-01-24T07:31:30.699", 1737703890.699),
        (1737703890699, 1737703890.699),
        (1737703890.699, 1737703890.699),
    ],
)
def test_times(value: Any, seconds: float) -> None:
    assert parse_time(value) == seconds
    assert format_time(seconds) == "2025-01-24T07:31:30.699Z"
