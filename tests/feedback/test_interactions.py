from __future__ import annotations

from qembed.feedback.interactions import NO_CLIENT, join_events
from tests.feedback.logs import answer, event


def test_events_join_their_query_in_order_of_time() -> None:
    joined = join_events(
        [answer("1"), answer("2")],
        [event("1", "copy", "b", 300.0), event("1", "click", "b", 200.0)],
    )
    first, second = joined.interactions
    assert [e.action for e in first.events] == ["click", "copy"]
    assert second.events == ()
    assert (joined.queries, joined.events, joined.unknown) == (2, 2, 0)


def test_events_without_a_query_and_repeated_ones_are_counted() -> None:
    once = event("1", "click", "b")
    joined = join_events([answer("1")], [once, once, event("elsewhere", "click", "b")])
    assert len(joined.interactions[0].events) == 1
    assert (joined.duplicates, joined.unknown) == (1, 1)


def test_of_several_rows_of_a_query_the_one_that_shows_what_was_clicked_counts() -> None:
    pages = [answer("1", "abc"), answer("1", "def"), answer("1", "ghi")]
    joined = join_events(pages, [event("1", "click", "e")])
    assert [hit.id for hit in joined.interactions[0].query.shown] == ["d", "e", "f"]
    assert joined.repeated == 2


def test_kinds_and_judges_have_interactions_of_their_own() -> None:
    joined = join_events(
        [answer("1")],
        [
            event("1", "click", "b"),
            event("1", "cite", "c", client_kind="agent"),
            event("1", "thumbs_up", "d", client_kind="agent", source="judge"),
        ],
    )
    assert {(i.kind, i.source, len(i.events)) for i in joined.interactions} == {
        ("person", "", 1),
        ("agent", "", 1),
        ("agent", "judge", 1),
    }


def test_a_judged_answer_is_still_one_that_its_client_left_alone() -> None:
    joined = join_events([answer("1")], [event("1", "thumbs_up", "d", source="judge")])
    assert {(i.source, len(i.events)) for i in joined.interactions} == {("judge", 1), ("", 0)}


def test_a_document_shown_twice_has_its_better_rank() -> None:
    joined = join_events([answer("1", "abab")], [])
    assert joined.interactions[0].ranks() == {"a": 1, "b": 2}


def test_a_client_is_named_by_its_session_where_it_has_no_id() -> None:
    rows = [
        answer("1", client_id="c", session_id="s"),
        answer("2", client_id="", session_id="s"),
        answer("3", client_id=""),
    ]
    assert [i.client for i in join_events(rows, []).interactions] == ["c", "s", NO_CLIENT]
