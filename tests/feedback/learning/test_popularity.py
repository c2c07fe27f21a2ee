from __future__ import annotations

import pytest

from qembed.feedback.interactions import join_events
from qembed.feedback.learning.popularity import MOST, popularity
from qembed.feedback.preferences import PreferenceOptions
from qembed.feedback.propensity.estimate import Propensities
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.records import Event, LoggedQuery
from tests.feedback.logs import answer, event


def found(
    queries: list[LoggedQuery],
    events: list[Event],
    propensities: Propensities | None = None,
    votes_only: bool = False,
) -> dict[str, dict[str, float]]:
    interactions = join_events(queries, events).interactions
    return popularity(
        interactions, normalise_query, PreferenceOptions(), propensities, votes_only=votes_only
    )


def test_use_against_the_mean_of_all_smoothed() -> None:
    queries = [answer(str(n), "ab") for n in range(10)]
    events = [event(str(n), "click", "b") for n in range(8)]
    # 8 uses in 16 looks: answers without a signal are none
    got = found(queries, events)["refund"]
    assert got["b"] == pytest.approx((8 + 5 * 0.5) / (8 + 5) - 0.5, abs=1e-3)
    assert got["a"] == pytest.approx((0 + 5 * 0.5) / (8 + 5) - 0.5, abs=1e-3)


def test_a_use_far_below_counts_more() -> None:
    looks = Propensities((1.0, 0.1), ("first", "em"))
    queries = [answer(str(n), "ab") for n in range(20)]
    events = [event(str(n), "click", "ab"[n % 2]) for n in range(20)]
    got = found(queries, events, looks)["refund"]
    assert got["b"] > 0 > got["a"]


def test_queries_do_not_share_popularity() -> None:
    queries = [answer("1", "ab", text="Refund?"), answer("2", "ab", text="invoice")]
    got = found(queries, [event("1", "copy", "b"), event("2", "copy", "a")])
    assert got["refund"]["b"] > 0 > got["refund"]["a"]
    assert got["invoice"]["a"] > 0 > got["invoice"]["b"]


def test_judges_and_where_asked_clicks_do_not_count() -> None:
    queries = [answer("1", "ab"), answer("2", "ab", text="invoice")]
    clicks = [event("1", "click", "b"), event("2", "thumbs_up", "b")]
    assert "b" not in found(queries[:1], [event("1", "thumbs_up", "b", source="judge")])
    got = found(queries, clicks, votes_only=True)
    assert got["invoice"]["b"] > 0
    assert got.get("refund", {}).get("b", 0.0) <= 0


def test_votes_against_and_the_number_kept() -> None:
    shown = "abcdefghijklmnopqrstuvwxyz"
    got = found([answer("1", shown)], [event("1", "thumbs_down", "a")])["refund"]
    assert min(got, key=got.__getitem__) == "a"
    assert len(got) <= MOST
