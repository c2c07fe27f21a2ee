from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.feedback.interactions import Interaction
from qembed.feedback.preferences import PreferenceOptions, normalise_query
from qembed.feedback.preferences.limits import client_factors, limit_interactions
from tests.feedback.logs import answer, event


def clicked(n: int, client: str, text: str = "refund") -> Interaction:
    return Interaction(
        answer(f"{client}-{text}-{n:04}", text=text, client_id=client, time=float(n)),
        (event(f"{client}-{text}-{n:04}", "click", "b"),),
    )


def limited(interactions: list[Interaction], options: PreferenceOptions | None = None):
    return limit_interactions(
        interactions, normalise_query, lambda i: bool(i.events), options or PreferenceOptions()
    )


def test_a_client_counts_a_few_times_for_a_query_the_first_ones() -> None:
    found = limited([clicked(n, "c") for n in (5, 1, 4, 2, 3)])
    assert [i.query.time for i in found.interactions] == [1, 2, 3]
    assert found.capped == 2


def test_the_cap_is_one_for_each_query_and_client_and_blank_and_case_are_no_other_query() -> None:
    given_ = [clicked(n, c, t) for n in range(3) for c in "cd" for t in ("refund", "invoice")]
    assert limited(given_).capped == 0
    assert limited([*given_, clicked(9, "c", " Refund?")]).capped == 1


def test_answers_without_a_signal_do_not_use_up_the_cap() -> None:
    silent = [Interaction(answer(f"s{n}", client_id="c", time=0.0)) for n in range(9)]
    found = limited([*silent, clicked(1, "c")])
    assert (len(found.interactions), found.capped) == (10, 0)


def test_a_robot_is_cut_for_the_query_that_it_repeats() -> None:
    robot = [clicked(n, "robot") for n in range(100)]
    found = limited([*robot, clicked(1, "robot", "invoice"), clicked(1, "c")])
    assert {(i.client, i.query.text) for i in found.interactions} == {
        ("robot", "invoice"),
        ("c", "refund"),
    }
    assert (found.robots, found.robot_answers) == (1, 100)


def test_clients_without_a_name_are_capped_but_no_robot() -> None:
    found = limited([clicked(n, "") for n in range(300)])
    assert (found.robots, len(found.interactions), found.capped) == (0, 3, 297)


@given(
    st.lists(st.floats(0, 1e6), min_size=1, max_size=60),
    st.floats(0.01, 1.0),
)
def test_no_client_has_more_than_its_share(weights: list[float], share: float) -> None:
    given_ = {str(i): w for i, w in enumerate(weights)}
    factors = client_factors(given_, share)
    assert all(0 <= f <= 1 for f in factors.values())
    left = {c: given_[c] * factors[c] for c in given_}
    present = [w for w in weights if w > 0]
    bound = max(share, 2 / len(present)) if present else 1.0
    assert max(left.values()) <= bound * sum(left.values()) * (1 + 1e-6) + 1e-9
    # only who has more than the limit is cut, and all of these to the same weight
    cut = [left[c] for c in given_ if factors[c] < 1]
    if cut:
        assert max(cut) == pytest.approx(min(cut))
        assert max(left.values()) <= max(cut) * (1 + 1e-9)


def test_one_or_two_clients_are_not_limited() -> None:
    assert client_factors({"a": 100.0, "b": 1.0}, 0.1) == {"a": 1.0, "b": 1.0}


def test_a_poisoner_among_twenty_is_cut_to_a_tenth() -> None:
    weights = {"poisoner": 1000.0, **{str(i): 1.0 for i in range(19)}}
    left = 1000.0 * client_factors(weights, 0.1)["poisoner"]
    assert left / (left + 19) == pytest.approx(0.1)
