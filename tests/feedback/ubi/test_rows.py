"""UBI rows as they are found in the world: traps, mistakes, and the way back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.feedback.records import CLIENT_KINDS, Event, LoggedQuery, ShownHit
from qembed.feedback.ubi.export import lacks_position, ubi_lines, ubi_row
from qembed.feedback.ubi.lines import read_lines
from qembed.feedback.ubi.to_log import UbiLog, read_ubi

NOW = 1_800_000_000.0
AT = "2025-01-24T07:31:30.699Z"
SECONDS = 1737703890.699


def read(*rows: Any, ordinals: Any = "auto") -> UbiLog:
    data = "\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows).encode()
    return read_ubi(read_lines("f", data), NOW, ordinals)


def query(name: str = "q", text: str = "ipad", **more: Any) -> dict[str, Any]:
    return {"query_id": name, "user_query": text, "timestamp": AT, **more}


def event(
    action: str = "click", thing: Any = "a", ordinal: int | None = None, **more: Any
) -> dict[str, Any]:
    inner: dict[str, Any] = {"object": {"object_id": thing}}
    inner["position"] = {} if ordinal is None else {"ordinal": ordinal}
    return {
        "action_name": action,
        "query_id": "q",
        "timestamp": AT,
        "event_attributes": inner,
        **more,
    }


def problems(found: UbiLog) -> list[str]:
    return [str(r) for r in found.refused]


@pytest.mark.parametrize("action", ["click", "impression", "add_to_cart", "purchase", "my_click"])
def test_the_names_that_the_schema_lists_are_read_like_others(action: str) -> None:
    found = read(query(), event(action))
    assert not found.refused
    assert found.events[0].event.action == action


def test_traps_are_read_as_they_are_meant() -> None:
    found = read(
        query(timestamp="2025-01-24T07:31:30.699+0000", query_response_hit_ids=None),
        event(thing=17, message=None, message_type=None, user_id=None, timestamp=1737703890699),
        event("search") | {"event_attributes": None},
        event("hover")
        | {"event_attributes": {"object": {"object_id": None}, "position": {"x": 3, "y": 4}}},
    )
    assert problems(found) == []
    assert found.queries[0].time == SECONDS
    click, search, hover = (g.event for g in found.events)
    assert (click.object_id, click.time, click.position) == ("17", SECONDS, None)
    assert (search.object_id, search.attributes) == ("", {})
    assert hover.attributes == {"position": {"x": 3, "y": 4}}


def test_ordinals_count_from_zero_or_one_by_application() -> None:
    rows = [
        query(),
        event("impression", "a", 0, application="zero"),
        event("click", "b", 2, application="zero"),
        event("click", "c", 2, application="one"),
    ]

    def positions(ordinals: str) -> list[int | None]:
        return [g.event.position for g in read(*rows, ordinals=ordinals).events]

    assert positions("auto") == [1, 3, 2]
    assert positions("0") == [1, 3, 3]
    assert positions("1") == [2, 2]
    assert problems(read(*rows, ordinals="1")) == [
        "f:2: event_attributes.position.ordinal: 0, where they count from 1"
    ]


def test_rows_of_one_query_id_are_one_query() -> None:
    later = "2025-01-24T08:00:00Z"
    found = read(
        query(text="printe", timestamp=later, query_response_hit_ids=["z"]),
        query(text="printer toner"),
        query(text="printer toner", query_response_hit_ids=["a", "b"]),
        query("other"),
    )
    first, other = found.queries
    assert (first.text, first.time) == ("printer toner", SECONDS)
    assert [h.id for h in first.shown] == ["z"]  # the first list of the file
    assert other.query_id == "other"
    assert (found.merged, found.renamed) == (2, 1)


def test_what_was_shown_is_what_impressions_say() -> None:
    found = read(
        query(),
        event("impression", "b", 2), event("impression", "a", 1), event("impression", "b", 9),
        event("impression", "c"), event("click", "d", 4),
        event(session_id="s", query_id="other"),
        event(session_id="mine"),
    )  # fmt: skip
    assert found.queries[0].shown == (ShownHit("a", 1), ShownHit("b", 2), ShownHit("c", 3))
    assert found.queries[0].session_id == "mine"


def test_a_query_that_only_events_tell_of() -> None:
    found = read(
        event(user_query="tv"), event("view", timestamp="2025-01-01T00:00:00Z", user_query="tv")
    )
    assert [(q.query_id, q.text) for q in found.queries] == [("q", "tv")]
    assert found.queries[0].time < SECONDS
    assert len(read(event()).queries) == 0


def test_a_query_without_a_time_has_its_first_event_s() -> None:
    found = read({"user_query": "tv", "query_id": "q"}, event(), {"user_query": "radio"})
    assert [q.time for q in found.queries] == [SECONDS, NOW]
    assert found.untimed == 2
    assert found.queries[1].query_id == read({"user_query": "radio"}).queries[0].query_id


def test_the_same_row_is_the_same_event() -> None:
    one, two, three = (g.event.event_id for g in read(event(), event(), event("view")).events)
    assert one == two != three
    assert read(event(event_id="mine")).events[0].event.event_id == "mine"


def test_bulk_and_search_hits() -> None:
    found = read(
        {"index": {"_index": "ubi_queries", "_id": "q"}},
        {"user_query": "tv", "timestamp": AT},
        {"delete": {"_index": "ubi_queries", "_id": "x"}},
        {"create": {"_index": "ubi_events"}},
        event(),
        {"update": {"_id": "q2"}},
        {"doc": {"user_query": "radio", "timestamp": AT}},
        {"_index": "ubi_queries", "_id": "q3", "_source": {"user_query": "hi-fi", "timestamp": AT}},
    )
    assert problems(found) == []
    assert [(q.query_id, q.text) for q in found.queries] == [
        ("q", "tv"),
        ("q2", "radio"),
        ("q3", "hi-fi"),
    ]
    assert len(found.events) == 1


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON object is wanted"),
        ({"a": 1}, "neither action_name nor user_query"),
        (query(text=3), "user_query: a text is wanted"),
        (query(timestamp="soon"), "timestamp: 'soon' is no time"),
        (query(query_response_hit_ids="a"), "query_response_hit_ids: a list"),
        (query(query_response_hit_ids=[1.5]), "query_response_hit_ids: a text or a whole number"),
        (query(query_attributes=[]), "query_attributes: an object"),
        (query(client_id="c" * 101), "client_id: longer than 100"),
        (event("x" * 101), "action_name: longer than 100"),
        (event(3), "action_name: a text"),
        (event(timestamp=None), "timestamp: required"),
        (event(thing=[1]), "object_id: a text or a whole number"),
        (event(ordinal=-1), "position.ordinal: a whole number from 0"),
        (event() | {"event_attributes": 3}, "event_attributes: an object"),
        (event() | {"event_attributes": {"object": 3}}, "event_attributes.object: an object"),
    ],
)
def test_rows_that_are_none_are_named_and_the_rest_is_taken(row: Any, why: str) -> None:
    found = read(row, query())
    assert len(found.queries) == 1
    (said,) = problems(found)
    assert said.startswith("f:1: ")
    assert why in said


NAMES = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=6)
TIMES = st.integers(10**9, 2 * 10**9).map(float)
KINDS = st.sampled_from(CLIENT_KINDS)
SCORES = st.none() | st.floats(-1, 1)
QUERIES = st.builds(
    LoggedQuery,
    query_id=NAMES, text=st.text(), time=TIMES, client_id=NAMES | st.just(""), client_kind=KINDS,
    session_id=NAMES | st.just(""), application=NAMES | st.just(""), generation=st.none() | st.integers(0, 9),
    settings=st.dictionaries(st.sampled_from(["mode", "recipe"]), NAMES)
    | st.just({"query_attributes": {"page": 2, "object_id_field": "sku"}, "query_response_id": "r"}),
    shown=st.lists(st.tuples(NAMES, st.integers(1, 30), st.floats(-1, 1)), max_size=4).map(
        lambda hits: tuple(ShownHit(*h) for h in hits)
    ),
    explored=st.lists(st.integers(1, 9), max_size=2).map(tuple),
)  # fmt: skip
EVENTS = st.builds(
    Event,
    event_id=NAMES, query_id=NAMES, action=NAMES, time=TIMES, object_id=NAMES,
    position=st.none() | st.integers(1, 20), seconds=st.none() | st.floats(0, 1e6), client_id=NAMES,
    client_kind=KINDS, session_id=NAMES | st.just(""), user_id=NAMES | st.just(""),
    weight=st.floats(0.01, 1), source=NAMES | st.just(""),
    attributes=st.dictionaries(NAMES, st.integers(), max_size=2)
    | st.just({"object": {"name": "x"}, "position": {"x": 1}, "ubi": {"message": "m"}, "page": "p"}),
)  # fmt: skip


@given(st.lists(QUERIES, unique_by=lambda q: q.query_id, max_size=4), EVENTS, st.booleans())
@pytest.mark.slow
def test_an_export_read_again_is_the_log(
    queries: list[LoggedQuery], event: Event, bulk: bool
) -> None:
    if any(q.query_id == event.query_id for q in queries):
        event = replace(event, query_id="alone" + event.query_id, session_id="")
    lines = [line for r in [*queries, event] for line in ubi_lines(r, ubi_row(r), bulk)]
    found = read_ubi(read_lines("f", "\n".join(lines).encode()), NOW, "1")
    assert found.refused == []
    assert found.queries == queries
    assert [g.event for g in found.events] == [event]


@given(QUERIES | EVENTS)
@pytest.mark.slow
def test_exported_rows_keep_to_the_schema(record: LoggedQuery | Event) -> None:
    row = ubi_row(record)
    assert None not in row.values()
    assert isinstance(row["timestamp"], str)
    assert row["timestamp"].endswith("Z")
    if isinstance(record, LoggedQuery):
        assert isinstance(row["user_query"], str)
        return
    assert row["action_name"]
    inner = row["event_attributes"]
    assert inner["object"]["object_id"] == record.object_id
    assert lacks_position(row) is (record.position is None)
