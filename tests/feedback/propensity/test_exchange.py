"""Neighbours exchanged at random: which ranks, how often, and what is estimated from them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.feedback.interactions import join_events
from qembed.feedback.preferences.extraction import is_click, normalise_query
from qembed.feedback.propensity.click_log import make_click_log
from qembed.feedback.propensity.exchange import exchange, exchanged_ranks
from qembed.feedback.propensity.swaps import swap_ratios
from tests.feedback.logs import answer, event
from tests.feedback.simulated import examined, position_based


@given(st.integers(0, 30), st.text())
def test_no_hit_moves_by_more_than_one_rank(hits: int, seed: str) -> None:
    ranks = exchanged_ranks(hits, seed)
    assert ranks == exchanged_ranks(hits, seed)
    assert all(1 <= i < hits for i in ranks)
    assert all(b - a >= 2 for a, b in pairwise(ranks))
    plain = list(range(hits))
    moved = exchange(plain, ranks)
    assert sorted(moved) == plain
    assert all(abs(i - d) <= 1 for i, d in enumerate(moved))
    assert exchange(moved, ranks) == plain


def test_each_two_neighbours_are_exchanged_a_quarter_of_the_time() -> None:
    n, hits = 4000, 6
    counts = np.zeros(hits)
    for seed in range(n):
        for i in exchanged_ranks(hits, str(seed)):
            counts[i] += 1
    assert counts[1:] / n == pytest.approx(0.25, abs=0.035)  # five standard errors


@pytest.mark.slow
def test_propensities_are_recovered_from_exchanges() -> None:
    """Users look at 1 / rank, and the search has put what attracts most on top."""
    rng = np.random.default_rng(4)
    look = examined(5)
    users = position_based(look)
    attraction = dict(zip("abcde", [0.9, 0.7, 0.6, 0.3, 0.4], strict=True))
    queries, events = [], []
    for s in range(8000):
        shown = "".join(exchange("abcde", exchanged_ranks(5, str(s))))
        explored = tuple(exchanged_ranks(5, str(s)))
        queries.append(answer(str(s), shown, explored=explored, settings={"explore": True}))
        clicked = users(rng, np.array([attraction[d] for d in shown]))
        events += [event(str(s), "click", shown[i]) for i in np.flatnonzero(clicked)]
    log = make_click_log(join_events(queries, events).interactions, normalise_query, is_click)
    assert swap_ratios(log) == pytest.approx((look[1:] / look[:-1]).tolist(), abs=0.08)
