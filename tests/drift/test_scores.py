"""Best scores of queries: the share below what was low before."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.drift.scores import low_scores


def test_queries_that_find_nothing_are_counted_and_named_worst_first() -> None:
    rng = np.random.default_rng(1)
    old = rng.normal(0.6, 0.1, 200)
    new = np.concatenate([rng.normal(0.6, 0.1, 80), [0.1, 0.05, 0.2, *[0.15] * 17]])
    found = low_scores(old, new, 199)
    assert found.low[:2] == [81, 80]
    assert found.share == pytest.approx(len(found.low) / 100)
    assert found.effect == pytest.approx(found.share - 0.05)
    assert found.test.p == 1 / 200
    assert all(new[i] < found.limit for i in found.low)


def test_the_same_scores_alarm_nothing() -> None:
    same = np.linspace(0.2, 0.9, 60)
    found = low_scores(same, same, 99)
    assert found.effect <= 0.01
    assert found.test.p > 0.2
