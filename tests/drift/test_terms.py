"""New terms: G2 against scipy's, only of terms that are more frequent than before."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from qembed.drift.permutation import permuted_labels
from qembed.drift.terms import TermTable, g2_of_counts, new_terms


@pytest.mark.parametrize(("a", "containing"), [(9, 12), (5, 5), (20, 31)])
def test_g2_is_scipys(a: int, containing: int) -> None:
    new, n = 40, 150
    table = [[a, containing - a], [new - a, n - new - containing + a]]
    theirs = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood").statistic
    assert g2_of_counts(np.array([a]), containing, new, n)[0] == pytest.approx(theirs)


def test_terms_that_became_rarer_and_impossible_counts_have_none() -> None:
    found = g2_of_counts(np.arange(13), 12, 10, 20)
    assert (found[:7] == 0).all()
    assert (found[7:11] > 0).all()
    assert (found[11:] == 0).all()  # 11 of 10 documents


def test_new_terms_are_found_in_order_and_old_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    old = [np.unique(rng.integers(0, 50, 10)).astype(np.uint32) for _ in range(80)]
    new = [np.unique(rng.integers(0, 50, 10)).astype(np.uint32) for _ in range(80)]
    for i, d in enumerate(new):
        extra = [900] * (i < 30) + [901] * (i < 15)
        new[i] = np.unique(np.concatenate([d, np.array(extra, dtype=np.uint32)]))
    found = new_terms(old, new, permuted_labels(80, 80, 199))
    assert [t.hash for t in found.terms[:2]] == [900, 901]
    assert found.terms[0].new == 30 / 80
    assert found.terms[0].old == 0
    assert found.test.p == 1 / 200
    assert found.effect == pytest.approx(30 / 80, abs=0.05)


def test_documents_without_terms_alarm_nothing() -> None:
    empty = [np.zeros(0, dtype=np.uint32)] * 20
    found = new_terms(empty, empty, permuted_labels(20, 20, 99))
    assert found.test.p == 1
    assert found.terms == []
    assert TermTable([*empty, *empty]).best(permuted_labels(20, 20, 0)[0], 5) == []
