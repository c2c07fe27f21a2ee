"""The log of what agents do: searches, what they read of the hits, what they cite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from tests.cli.conftest import Shell
from tests.web.mcp.conftest import Agent, text_of


@pytest.fixture
def logging(corpus: Shell) -> Iterator[Agent]:
    made = Agent(corpus, log=True)
    yield made
    made.close()


def records(agent: Agent) -> tuple[dict[str, LoggedQuery], list[Event]]:
    agent.signals.close()
    found = [*read_records(LogStore(agent.index))]
    queries = {r.query_id: r for r in found if isinstance(r, LoggedQuery)}
    return queries, [r for r in found if isinstance(r, Event)]


def test_a_search_and_what_is_read_and_cited_of_it(logging: Agent) -> None:
    first, *_ = logging.calls(
        ("search", {"query": "money back", "k": 3}),
        ("get", {"document": "refunds.md"}),
        ("get", {"document": "refunds.md", "line": 1}),
        ("get", {"document": "deep/locks.txt"}),
        ("feedback", {"action": "cite", "document": "refunds.md"}),
        ("feedback", {"action": "thumbs_down", "position": 2}),
    )
    name = first.structured_content["query_id"]
    assert f"(query_id {name})" in text_of(first)
    queries, events = records(logging)
    query = queries[name]
    hits = first.structured_content["hits"]
    assert [(s.id, s.rank) for s in query.shown] == [(h["document"], h["rank"]) for h in hits]
    assert (query.client_kind, query.client_id) == ("agent", "tester")
    assert query.session_id
    mine = [(e.action, e.object_id, e.position) for e in events if e.query_id == name]
    rank = next(h["rank"] for h in hits if h["document"] == "refunds.md")
    other = next(h["document"] for h in hits if h["rank"] == 2)
    # read once, however often; the other one was not shown by the search
    assert sorted(m for m in mine if m[0] != "open" or m[1] == "refunds.md") == [
        ("cite", "refunds.md", rank),
        ("open", "refunds.md", rank),
        ("thumbs_down", other, 2),
    ]
    kinds = {(e.client_kind, e.client_id, e.session_id) for e in events if e.query_id == name}
    assert kinds == {("agent", "tester", query.session_id)}


def test_the_latest_search_counts_unless_one_is_named(logging: Agent) -> None:
    asked: dict[str, Any] = {"query": "locked account", "k": 2, "mode": "lexical"}
    one, two, *_ = logging.calls(("search", asked), ("search", asked))
    names = [r.structured_content["query_id"] for r in (one, two)]
    logging("get", document="deep/locks.txt")
    logging("get", document="deep/locks.txt", query_id=names[0])
    logging("feedback", action="cite", document=["deep/locks.txt"], query_id=names[0])
    _, events = records(logging)
    found = [(e.action, names.index(e.query_id)) for e in events if e.query_id in names]
    assert sorted(found) == [("cite", 0), ("open", 0), ("open", 1)]


def test_only_what_was_shown_is_logged(logging: Agent) -> None:
    page = logging("search", query="w1 w2 w3", k=50, max_tokens=200)
    hits = page.structured_content["hits"]
    assert 0 < len(hits) < 50
    more = logging("search", query="w1 w2 w3", k=50, max_tokens=200,
                   cursor=page.structured_content["cursor"])  # fmt: skip
    queries, _ = records(logging)
    for result in (page, more):
        found = result.structured_content
        shown = queries[found["query_id"]].shown
        assert [(s.id, s.rank) for s in shown] == [
            (h["document"], h["rank"]) for h in found["hits"]
        ]
    assert more.structured_content["hits"][0]["rank"] == len(hits) + 1


def test_without_a_log_nothing_is_logged_and_feedback_says_what_to_do(agent: Agent) -> None:
    before = len([*read_records(LogStore(agent.index))])
    results = agent.calls(
        ("search", {"query": "money back"}),
        ("get", {"document": "refunds.md"}),
        ("feedback", {"action": "cite", "document": "refunds.md"}),
    )
    assert "query_id" not in text_of(results[0])
    assert results[2].is_error
    assert "started with --log, or after `qembed feedback log on`" in text_of(results[2])
    assert "Next: go on without feedback" in text_of(results[2])
    assert len([*read_records(LogStore(agent.index))]) == before


def test_what_the_log_refuses_is_told(logging: Agent) -> None:
    logging("search", query="money back")
    said = logging.refused("feedback", action="cite", document="none.md")
    assert "not logged:" in said
    assert "none.md" in said
    assert "Next: use ids that a search showed" in said
    # in the index, but not in this answer
    found = logging("search", query="money back", k=7, mode="lexical").structured_content
    shown = list(dict.fromkeys(h["document"] for h in found["hits"]))
    other = next(f"d{i}" for i in range(200) if f"d{i}" not in shown)
    said = logging.refused("feedback", action="cite", document=other, query_id=found["query_id"])
    few = ", ".join(shown[:5]) + (", …" if len(shown) > 5 else "")
    assert f"did not show {other} (it showed {few})" in said
    assert all(e.object_id != other for e in records(logging)[1])
    said = logging.refused("feedback", action="like")
    assert "action: one of cite, thumbs_up" in said
    assert "document, position: one of them is wanted" in said
    some = logging("feedback", action="cite", document=["refunds.md", "none.md"])
    assert text_of(some).startswith("logged: cite of 1 hit\nnot logged:")


def test_a_read_with_an_unknown_query_id_says_that_it_is_not_logged(logging: Agent) -> None:
    read = logging("get", document="refunds.md", query_id="made-up")
    assert "five days" in text_of(read)
    (note,) = read.structured_content["warnings"]
    assert text_of(read).endswith("\n\nnote: " + note)
    assert "query made-up is not in the log" in note
    name = logging("search", query="money").structured_content["query_id"]
    assert logging("get", document="refunds.md", query_id=name).structured_content["warnings"] == []
    logging.face._conversations.clear()  # as another connection
    again = logging("get", document="deep/locks.txt", query_id=name)
    assert again.structured_content["warnings"] == []
    _, events = records(logging)
    assert "made-up" not in {e.query_id for e in events}
    assert sorted(e.object_id for e in events if e.query_id == name) == [
        *("deep/locks.txt", "refunds.md")
    ]


def test_who_asks(corpus: Shell) -> None:
    for client, wanted in [("nightly", ("agent", "nightly")), ("test:ci", ("test", "ci"))]:
        agent = Agent(corpus, log=True, client=client, session="run-7")
        name = agent("search", query="money").structured_content["query_id"]
        query = records(agent)[0][name]
        assert (query.client_kind, query.client_id) == wanted
        assert query.session_id == "run-7"
        agent.close()
