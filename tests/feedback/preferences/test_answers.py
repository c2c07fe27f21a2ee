from __future__ import annotations

import pytest

from qembed.feedback.interactions import join_events
from qembed.feedback.preferences import PreferenceOptions
from qembed.feedback.preferences.answers import answer_votes
from qembed.feedback.preferences.signals import read_signals
from qembed.feedback.propensity.estimate import Propensities
from qembed.feedback.records import ClientKind, Event
from tests.feedback.logs import answer, event

HALF = Propensities((1.0, 0.5, 0.25, 0.125, 0.01), ("first", "em", "em", "em", "em"))


def votes(
    *events: Event,
    options: PreferenceOptions | None = None,
    propensities: Propensities | None = None,
    kind: ClientKind = "person",
) -> dict[tuple[str, str], tuple[float, str]]:
    options = options or PreferenceOptions()
    joined = join_events([answer("1", client_kind=kind)], events)
    found = {}
    for interaction in joined.interactions:
        signals = read_signals(interaction.events, options)
        for vote in answer_votes(interaction, signals, options, propensities):
            assert (vote.preferred, vote.rejected) not in found
            found[vote.preferred, vote.rejected] = vote.weight, vote.reason
    return found


def test_a_click_is_preferred_to_what_was_skipped_above() -> None:
    found = votes(event("1", "click", "c"))
    assert found == {
        ("c", "a"): (0.4, "click over skipped"),
        ("c", "b"): (0.4, "click over skipped"),
    }


def test_a_click_on_the_first_says_nothing_but_over_the_next_if_asked() -> None:
    assert votes(event("1", "click", "a")) == {}
    found = votes(event("1", "click", "a"), options=PreferenceOptions(next_below=True))
    assert found == {("a", "b"): (0.2, "click over next below")}


def test_a_hit_that_was_used_is_preferred_to_one_that_was_only_clicked() -> None:
    found = votes(event("1", "click", "a"), event("1", "copy", "b"))
    assert found == {("b", "a"): (0.7, "copy")}


def test_a_long_visit_is_preferred_to_a_bounce() -> None:
    found = votes(event("1", "click", "a", seconds=1.0), event("1", "click", "b", seconds=60.0))
    assert found == {("b", "a"): (0.7, "dwell")}


def test_bounces_alone_say_nothing() -> None:
    assert votes(event("1", "click", "c", seconds=1.0)) == {}


def test_votes_stand_against_one_another_and_what_was_voted_down_below_the_rest() -> None:
    found = votes(event("1", "thumbs_up", "b"), event("1", "thumbs_down", "a"))
    assert found.pop(("b", "a")) == (1.0, "vote")
    assert found == {(d, "a"): (0.25, "unused over vote against") for d in "cde"}


def test_with_propensities_a_click_is_preferred_to_all_others_by_its_inverse() -> None:
    found = votes(event("1", "click", "c"), propensities=HALF)
    assert {pair: weight for pair, (weight, _) in found.items()} == {
        ("c", d): pytest.approx(0.4 / 0.25) for d in "abde"
    }


def test_the_weight_of_a_click_is_clipped() -> None:
    found = votes(event("1", "click", "e"), propensities=HALF)
    assert found["e", "a"][0] == pytest.approx(0.4 * 10)


def test_of_two_clicks_the_lower_one_leads_by_the_difference_of_its_weight() -> None:
    found = votes(event("1", "click", "a"), event("1", "click", "c"), propensities=HALF)
    assert found["c", "a"] == (pytest.approx(0.4 * (4 - 1)), "click over one above")
    assert ("a", "c") not in found


def test_expected_votes_of_clicks_that_ignore_the_documents_cancel_out() -> None:
    # P(click at rank) = propensity, independently: the expectation over all patterns of clicks
    total: dict[frozenset[str], float] = {}
    looks = Propensities((1.0, 0.5, 0.25), ("first", "em", "em"))
    attraction = 0.4
    for pattern in range(8):
        clicked = [d for i, d in enumerate("abc") if pattern >> i & 1]
        p = 1.0
        for d, look in zip("abc", looks.values, strict=True):
            p *= attraction * look if d in clicked else 1 - attraction * look
        interaction = join_events(
            [answer("1", "abc")], [event("1", "click", d) for d in clicked]
        ).interactions[0]
        signals = read_signals(interaction.events, PreferenceOptions())
        for vote in answer_votes(interaction, signals, PreferenceOptions(), looks):
            pair = frozenset((vote.preferred, vote.rejected))
            sign = 1 if vote.preferred < vote.rejected else -1
            total[pair] = total.get(pair, 0.0) + sign * p * vote.weight
    assert len(total) == 3
    assert all(abs(net) < 1e-12 for net in total.values())


def test_an_agent_was_given_all_hits_at_once() -> None:
    found = votes(
        event("1", "cite", "b", client_kind="agent"),
        event("1", "success", client_kind="agent"),
        kind="agent",
        propensities=HALF,
    )
    assert found == {("b", d): (0.8, "cite over unused") for d in "acde"}


def test_what_was_cited_is_preferred_to_what_was_only_read() -> None:
    found = votes(
        event("1", "read", "a", client_kind="agent"),
        event("1", "cite", "b", client_kind="agent"),
        event("1", "success", client_kind="agent"),
        kind="agent",
    )
    assert found["b", "a"] == (0.8, "cite")
    assert found["a", "c"] == (0.3, "read over unused")


@pytest.mark.parametrize(("outcome", "expected"), [("failure", {}), (None, 0.4)])
def test_uses_of_a_failed_task_are_no_votes_and_of_an_unknown_one_half(
    outcome: str | None, expected: dict | float
) -> None:
    events = [event("1", "cite", "b", client_kind="agent")]
    if outcome:
        events.append(event("1", outcome, client_kind="agent"))
    found = votes(*events, kind="agent")
    if outcome:
        assert found == expected
    else:
        assert {weight for weight, _ in found.values()} == {expected}


def test_a_judge_says_nothing_about_what_it_was_not_asked() -> None:
    found = votes(
        event("1", "thumbs_up", "b", source="judge", weight=0.5),
        event("1", "thumbs_down", "a", source="judge", weight=0.5),
    )
    assert found == {("b", "a"): (0.25, "vote")}
