from __future__ import annotations

import numpy as np
import pytest

from qembed.feedback.interactions import join_events
from qembed.feedback.preferences.extraction import is_click, normalise_query
from qembed.feedback.propensity.click_log import ClickLog, make_click_log
from qembed.feedback.propensity.click_test import click_test
from qembed.feedback.propensity.estimate import Propensities, estimate_propensities
from qembed.feedback.propensity.position_model import fit_position_model
from qembed.feedback.propensity.swaps import swap_ratios
from tests.feedback.logs import answer, event
from tests.feedback.simulated import Log, cascade, examined, position_based, simulate

pytestmark = pytest.mark.slow

LOOK = examined(10)


def click_log(log: Log) -> ClickLog:
    joined = join_events(log.queries, log.events)
    return make_click_log(joined.interactions, normalise_query, is_click)


def test_the_arrays_of_a_log() -> None:
    rows = [answer("1", "abc", explored=(2,)), answer("2", "ba", text="Refund?")]
    joined = join_events(rows, [event("1", "click", "b"), event("2", "copy", "a")])
    found = make_click_log(joined.interactions, normalise_query, is_click)
    a, b, c = found.documents[0]
    assert found.documents.tolist() == [[a, b, c], [b, a, -1]]
    assert found.clicks.tolist() == [[False, True, False], [False, True, False]]
    assert found.swapped.tolist() == [[False, True, False], [False] * 3]
    assert found.exploring.tolist() == [True, False]
    assert found.groups.tolist() == [0, 0]
    assert found.click_rates().tolist() == [0, 1, 0]


def test_documents_of_other_queries_are_others() -> None:
    rows = [answer("1", "a"), answer("2", "a", text="invoice")]
    found = make_click_log(join_events(rows, []).interactions, normalise_query, is_click)
    assert found.documents[0, 0] != found.documents[1, 0]


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.05, 0.2, 0.35])
def test_exchanged_neighbours_recover_known_propensities(noise: float) -> None:
    log = click_log(
        simulate(position_based(LOOK), sessions=8000, noise=noise, seed=4, explore=True)
    )
    found = estimate_propensities(log)
    assert found.methods[1:4] == ("swaps",) * 3
    assert np.abs(np.array(found.values[:4]) - LOOK[:4]).max() < 0.12


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.35])
@pytest.mark.parametrize("eta", [0.5, 1.0])
def test_em_recovers_known_propensities_where_documents_moved(noise: float, eta: float) -> None:
    look = examined(10, eta)
    log = click_log(simulate(position_based(look), sessions=4000, noise=noise, seed=3, drift=1.0))
    found = estimate_propensities(log)
    assert found.methods == ("first", *["em"] * 9)
    assert np.abs(np.array(found.values) - look).max() < 0.1


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.35])
def test_users_who_stop_at_the_first_click_are_seen_to_look_at_less_below(noise: float) -> None:
    """No position-based users: the estimate is compared with how often ranks were looked at."""
    simulated = simulate(cascade, sessions=6000, noise=noise, seed=3, drift=1.0)
    log = click_log(simulated)
    first = np.where(log.clicks.any(axis=1), log.clicks.argmax(axis=1), log.ranks)
    look = (first[:, None] >= np.arange(log.ranks)).mean(axis=0)
    found = np.array(estimate_propensities(log).values)
    assert np.abs(found - look).max() < 0.15


def test_documents_that_never_moved_leave_the_click_rate() -> None:
    log = click_log(simulate(position_based(LOOK), sessions=3000, noise=0.2, seed=3))
    assert fit_position_model(log).moved == 0
    found = estimate_propensities(log)
    assert set(found.methods) == {"first", "click rate"}
    rates = log.click_rates()
    assert found.values == pytest.approx(rates / rates[0])


def test_ranks_that_no_document_connects_with_the_first_are_not_told() -> None:
    rows = [answer(f"{n}", "abcd" if n % 2 else "bacd") for n in range(40)]
    events = [event(f"{n}", "click", "ab"[n % 3 % 2]) for n in range(40)]
    events += [event(f"{n}", "click", d) for n in range(0, 40, 2) for d in "cd"]
    joined = join_events(rows, events)
    log = make_click_log(joined.interactions, normalise_query, is_click)
    model = fit_position_model(log)
    assert np.isfinite(model.propensities).tolist() == [True, True, False, False]
    assert estimate_propensities(log).methods[2:] == ("click rate", "click rate")


def test_too_few_exchanges_tell_nothing() -> None:
    log = click_log(simulate(position_based(LOOK), sessions=50, noise=0.2, seed=1, explore=True))
    assert swap_ratios(log) == []


def test_ranks_with_hardly_any_clicks_are_assumed_to_be_looked_at_as_their_inverse() -> None:
    joined = join_events([answer("1"), answer("2")], [event("1", "click", "c")])
    found = estimate_propensities(make_click_log(joined.interactions, normalise_query, is_click))
    assert found.methods == ("first", *["assumed"] * 4)
    assert found.values == pytest.approx([1, 1 / 2, 1 / 3, 1 / 4, 1 / 5])


def test_an_empty_log_weighs_all_alike() -> None:
    found = estimate_propensities(make_click_log([], normalise_query, is_click))
    assert (found.values, found.weight(1), found.weight(9)) == ((), 1.0, 1.0)


def test_weights_are_clipped_and_ranks_below_all_take_the_last() -> None:
    found = Propensities((1.0, 0.5, 0.001), ("first", "em", "em"), clip=8.0)
    assert [found.weight(r) for r in (1, 2, 3, 99)] == [1.0, 2.0, 8.0, 8.0]


@pytest.mark.slow
@pytest.mark.parametrize("users", [position_based(LOOK), cascade])
def test_the_click_test_keeps_its_level(users) -> None:  # type: ignore[no-untyped-def]
    p = [
        click_test(
            click_log(simulate(users, sessions=200, noise=0, seed=s, blind=True, queries=10)),
            draws=99,
        ).p
        for s in range(100)
    ]
    assert sum(x is not None and x <= 0.05 for x in p) <= 11  # 5 expected; 12 or more: .4 %


def test_clicks_that_follow_documents_are_seen() -> None:
    log = click_log(simulate(position_based(LOOK), sessions=400, noise=0.2, seed=1))
    assert click_test(log).verdict == "documents"


def test_few_answers_of_which_nothing_is_seen_are_no_proof_of_its_absence() -> None:
    blind = [
        click_test(
            click_log(simulate(position_based(LOOK), sessions=n, noise=0, seed=1, blind=True))
        )
        for n in (120, 600)
    ]
    assert [found.verdict for found in blind] == ["unknown", "position"]
    assert all(found.p is not None and found.p > 0.05 for found in blind)


def test_queries_asked_once_cannot_tell() -> None:
    rows = [answer(f"{n}", text=f"query {n}") for n in range(500)]
    joined = join_events(rows, [event(f"{n}", "click", "a") for n in range(500)])
    found = click_test(make_click_log(joined.interactions, normalise_query, is_click))
    assert (found.verdict, found.p) == ("unknown", None)
