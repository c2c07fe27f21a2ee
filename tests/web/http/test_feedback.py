"""`/feedback` takes what `feedback add` and `feedback import` take, in the same words."""

from __future__ import annotations

from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event
from tests.web.http.conftest import Site


@pytest.fixture(scope="module")
def asked(site: Site) -> Any:
    """A logged answer."""
    return site.post("/search", {"query": "w1 w2", "k": 3, "log": True, "client": "person:ann"})


def events(site: Site, query_id: str) -> list[Event]:
    found = read_records(LogStore(site.index), ids={query_id})
    return [r for r in found if isinstance(r, Event) and r.query_id == query_id]


@pytest.mark.slow
def test_an_event_of_our_form(site: Site, asked: Any) -> None:
    query_id = asked["query_id"]
    body = {"query_id": query_id, "action": "click", "position": 2, "event_id": "one"}
    assert site.post("/feedback", body)["events"] == 1
    assert site.post("/feedback", body)["duplicates"] == 1
    (event,) = events(site, query_id)
    assert (event.action, event.object_id) == ("click", asked["hits"][1]["document"])
    assert event.client_id == "ann"


def test_a_row_of_ubi(site: Site, asked: Any) -> None:
    hit = asked["hits"][0]["document"]
    row = {
        "action_name": "add_to_cart",
        "query_id": asked["query_id"],
        "client_id": "c-9",
        "timestamp": "2026-11-29T10:00:00Z",
        "message_type": "CONVERSION",
        "event_attributes": {"object": {"object_id": hit}, "position": {"ordinal": 1}},
    }
    row["timestamp"] = None
    site.post("/feedback", row, 422)
    del row["timestamp"]
    from datetime import UTC, datetime

    row["timestamp"] = datetime.now(UTC).isoformat()
    assert site.post("/feedback", row)["events"] == 1
    (event,) = [e for e in events(site, asked["query_id"]) if e.action == "add_to_cart"]
    assert (event.object_id, event.client_id) == (hit, "c-9")


def test_several_of_which_some_are_refused(site: Site, asked: Any) -> None:
    query_id = asked["query_id"]
    found = site.post(
        "/feedback",
        {
            "events": [
                {"query_id": query_id, "action": "copy", "position": 1},
                {"query_id": "nowhere", "action": "copy", "position": 1},
                {"query_id": query_id, "action": "copy", "position": 9},
                3,
            ]
        },
    )
    assert (found["events"], sum(found["refused"].values())) == (1, 3)
    assert [p.partition(":")[0] for p in found["problems"]] == [f"events[{i}]" for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ({"query_id": "nowhere", "action": "click", "position": 1},
         ("nowhere", "--action", "click", "--position", "1")),
        ({"query_id": "ID", "action": "click", "object": "no/such"},
         ("ID", "--action", "click", "--object", "no/such")),
    ],
)  # fmt: skip
def test_refusals_have_the_words_of_the_command_line(
    site: Site, asked: Any, body: dict[str, Any], options: tuple[str, ...]
) -> None:
    given = {k: asked["query_id"] if v == "ID" else v for k, v in body.items()}
    error = site.post("/feedback", given, 422)["error"]
    assert error["code"] == "not_taken"
    said = site.shell("feedback", "add", *(asked["query_id"] if o == "ID" else o for o in options))
    assert said.code == 2
    assert error["message"] in said.err


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 422, "query_id: a text is wanted"),
        ({"events": []}, 400, "a list of events"),
        ({"events": [{}], "more": 1}, 400, "a list of events"),
        ({"query_id": "x", "action": "dwell", "position": 1}, 422, "dwell wants seconds"),
        ({"query_id": "x", "action": "click", "position": 0}, 422, "position: a whole number"),
    ],
)
@pytest.mark.slow
def test_what_is_no_event(site: Site, body: Any, status: int, said: str) -> None:
    assert said in site.post("/feedback", body, status)["error"]["message"]
