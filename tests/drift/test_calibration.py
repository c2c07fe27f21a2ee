"""Chances of the tests on made vectors: false alarms of one distribution, alarms of a new subject.

`python -m tests.drift.calibration FOLDER` measures the same on real collections.
"""

from __future__ import annotations

from collections import Counter

import pytest
from scipy import stats

from qembed.drift.compare import compare
from tests.drift.made import corpus, mixed

pytestmark = pytest.mark.slow

COMPARISONS = 40
CONTINUOUS = ("fragments", "terms", "centroid", "energy", "outside", "subjects")


def test_false_alarms_come_as_often_as_alpha_says() -> None:
    alarms: Counter[str] = Counter()
    for i in range(COMPARISONS):
        old, new = corpus(mixed(80, 2 * i), 2 * i), corpus(mixed(60, 2 * i + 1), 2 * i + 1)
        for name, p in compare(old, new, 99).p_values.items():
            alarms[name] += p <= 0.05
    # beyond these counts lie .1 % of the draws of tests that alarm in .05 on either side
    low, high = stats.binom.ppf([0.0005, 0.9995], COMPARISONS, 0.05)
    assert {n: alarms[n] for n in CONTINUOUS if not low <= alarms[n] <= high} == {}
    assert alarms["unread"] == 0  # nothing was unread


def test_a_new_subject_of_a_tenth_is_seen() -> None:
    seen: Counter[str] = Counter()
    for i in range(6):
        old = corpus(mixed(300, 2 * i), 2 * i)
        new = corpus([*mixed(270, 2 * i + 1), *[77] * 30], 2 * i + 1)
        for name, p in compare(old, new, 199).p_values.items():
            seen[name] += p <= 0.05
    assert seen["subjects"] >= 5
    assert seen["terms"] >= 3
