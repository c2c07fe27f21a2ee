from __future__ import annotations

import pytest

from qembed.errors import UsageError
from qembed.feedback.preferences import (
    Extracted,
    PreferenceOptions,
    find_preferences,
    normalise_query,
)
from tests.feedback.logs import answer, event
from tests.feedback.simulated import cascade, examined, position_based, simulate

pytestmark = pytest.mark.slow

USERS = {"position": position_based(examined(10)), "cascade": cascade}


def as_pairs(found: Extracted) -> list[tuple[str, str, str]]:
    return [(p.query, p.preferred, p.rejected) for p in found.preferences]


def test_a_session_without_a_signal_gives_nothing() -> None:
    found = find_preferences([answer("1"), answer("2")], [event("1", "impression", "b")])
    assert found.preferences == []
    assert (found.summary.silent, found.clicks.verdict) == (2, "unknown")


def test_queries_of_one_group_are_netted_under_the_text_of_the_first() -> None:
    rows = [answer("1", text="Refund?", time=1.0), answer("2", text="refund", time=2.0)]
    found = find_preferences(
        rows, [event("1", "copy", "b"), event("2", "copy", "b")], correct=False
    )
    (only,) = found.preferences
    assert (only.query, only.preferred, only.rejected) == ("Refund?", "b", "a")
    assert (only.clients, only.answers, only.time) == (2, 2, 2.0)
    assert only.weight == pytest.approx(2 * 0.7)


def test_a_grouping_can_be_given() -> None:
    rows = [answer("1", text="refund"), answer("2", text="money back")]
    events = [event("1", "copy", "b"), event("2", "copy", "b")]
    assert len(find_preferences(rows, events, correct=False).preferences) == 2
    found = find_preferences(rows, events, correct=False, group=lambda _: "one")
    assert len(found.preferences) == 1


def test_contradictions_are_counted_and_the_heavier_side_stays() -> None:
    rows = [answer("1"), answer("2"), answer("3", "ba")]
    events = [event("1", "copy", "b"), event("2", "copy", "b"), event("3", "copy", "a")]
    found = find_preferences(rows, events, correct=False)
    (only,) = found.preferences
    assert (only.preferred, only.rejected, only.against) == ("b", "a", 1)
    assert found.summary.contradictions == 1
    even = find_preferences(rows[1:], events[1:], correct=False)
    assert (even.preferences, even.summary.undecided) == ([], 1)


def test_persons_agents_and_judges_are_never_one_preference() -> None:
    rows = [answer("1"), answer("2", client_kind="agent"), answer("3", client_kind="test")]
    found = find_preferences(
        rows,
        [
            event("1", "copy", "b"),
            event("2", "thumbs_up", "a", client_kind="agent"),
            event("2", "thumbs_down", "b", client_kind="agent"),
            event("1", "thumbs_up", "c", source="judge"),
            event("1", "thumbs_down", "a", source="judge"),
            event("3", "copy", "c", client_kind="test"),
        ],
        correct=False,
    )
    summary = found.summary
    assert summary.kinds == {"person": 1, "agent": 7, "judge": 1}
    assert summary.other_kinds == {"test": 1}
    assert summary.opposed == 2  # the person's and one of the agent's, with the judge's
    judged = next(p for p in found.preferences if p.source == "judge")
    assert judged.weight == pytest.approx(0.3)
    alone = find_preferences(rows, [], PreferenceOptions(kinds=("agent",)))
    assert alone.summary.other_kinds == {"person": 1, "test": 1}


def test_objects_that_were_not_shown_are_counted_and_prefer_nothing() -> None:
    found = find_preferences([answer("1")], [event("1", "click", "z")])
    assert (found.preferences, found.summary.not_shown) == ([], 1)


def test_one_user_does_not_turn_the_others_round() -> None:
    rows = [answer(f"u{n}", text=f"query {n}") for n in range(30)]
    events = [event(f"u{n}", "copy", "b") for n in range(30)]
    poison = [
        answer(f"p{n}-{k}", "ba", text=f"query {n}", client_id="poisoner")
        for n in range(30)
        for k in range(20)
    ]
    bad = [event(q.query_id, "copy", "a") for q in poison]
    found = find_preferences([*rows, *poison], [*events, *bad], correct=False)
    assert {(p.preferred, p.rejected) for p in found.preferences} == {("b", "a")}
    assert (len(found.preferences), found.summary.limited) == (30, 1)
    assert found.summary.capped == 30 * 17


def test_bad_choices_are_refused() -> None:
    for options in (
        PreferenceOptions(kinds=()),
        PreferenceOptions(share=0.0),
        PreferenceOptions(per_query=0),
        PreferenceOptions(robot=1),
        PreferenceOptions(judge=2.0),
        PreferenceOptions(long_dwell=1.0),
        PreferenceOptions(alpha=0.0),
    ):
        with pytest.raises(UsageError):
            find_preferences([], [], options)


@pytest.mark.parametrize(
    ("text", "same"),
    [("  Wie   geht's? ", "wie geht's"), ("ＡＢＣ", "abc"), ("???", "???"), ("退款？", "退款")],
)
def test_normalised_queries(text: str, same: str) -> None:
    assert normalise_query(text) == same


@pytest.mark.parametrize("users", list(USERS))
@pytest.mark.parametrize(("noise", "least"), [(0.05, 0.95), (0.2, 0.85), (0.35, 0.65)])
def test_preferences_of_simulated_users_are_right(users: str, noise: float, least: float) -> None:
    log = simulate(USERS[users], sessions=2000, noise=noise, seed=2)
    found = find_preferences(log.queries, log.events)
    right, wrong = log.agreement(as_pairs(found))
    assert found.clicks.verdict == "documents"
    assert right / (right + wrong) > least
    naive = find_preferences(log.queries, log.events, correct=False)
    naive_right, naive_wrong = log.agreement(as_pairs(naive))
    # clicks that skip what is above can only turn the order round: noise is all on their wrong side
    assert naive_right / (naive_right + naive_wrong) < right / (right + wrong)


@pytest.mark.slow
@pytest.mark.parametrize("users", list(USERS))
def test_clicks_that_ignore_the_documents_prefer_nothing_and_it_is_said(users: str) -> None:
    quiet = 0
    for seed in range(12):
        log = simulate(USERS[users], sessions=500, noise=0.0, seed=seed, blind=True)
        found = find_preferences(log.queries, log.events)
        if found.clicks.verdict == "position":
            quiet += 1
            assert found.preferences == []
            assert found.summary.position_only > 0
    assert quiet >= 10  # 1 in 20 is a false alarm of a true test; 3 or more of 12: 2 %


def test_explicit_votes_stay_where_clicks_follow_position_alone() -> None:
    log = simulate(USERS["position"], sessions=600, noise=0.0, seed=1, blind=True)
    asked = log.queries[0]
    first, second = asked.shown[0].id, asked.shown[1].id
    votes = [
        event(asked.query_id, "thumbs_up", second, asked.time),
        event(asked.query_id, "thumbs_down", first, asked.time),
    ]
    found = find_preferences(log.queries, [*log.events, *votes])
    assert found.clicks.verdict == "position"
    assert (asked.text, second, first) in as_pairs(found)
