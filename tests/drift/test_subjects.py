"""New subjects: the scan statistic by hand and against a naive scan; who belongs to a subject."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qembed.drift.permutation import permuted_labels
from qembed.drift.sample import document_vectors
from qembed.drift.subjects import Neighbours, new_subjects, ratio_table
from tests.drift.made import corpus, mixed


def test_ratio_by_hand() -> None:
    # 6 of 8 documents of a group are new, of the 12 others 4
    wanted = 6 * math.log(6 / 8) + 2 * math.log(2 / 8) + 4 * math.log(4 / 12) + 8 * math.log(8 / 12)
    wanted -= 20 * math.log(1 / 2)
    table = ratio_table(8, 10, 20)
    assert table[6] == pytest.approx(wanted, rel=1e-5)
    assert (table[:5] == 0).all()


def test_largest_ratio_is_that_of_a_naive_scan() -> None:
    vectors = document_vectors(corpus(mixed(120, 3), 3))
    labels = permuted_labels(70, 50, 6)
    found = Neighbours(vectors)
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, 2)
    order = np.argsort(-cosines, axis=1, kind="stable")
    for row, ratio in zip(labels, found.ratios(labels), strict=True):
        naive = max(
            ratio_table(m, 50, 120)[int(row[order[i, :m]].sum())]
            for i in range(120)
            for m in found.sizes
        )
        assert ratio == pytest.approx(naive, rel=1e-5)
    best = found.groups(labels[:1])[0][0]
    assert best == pytest.approx(found.ratios(labels[:1])[0], rel=1e-5)


def test_a_new_subject_is_found_with_its_members() -> None:
    old = document_vectors(corpus(mixed(300, 1), 1, spread=0.7))
    new = document_vectors(corpus([*mixed(260, 2), *[77] * 40], 2, spread=0.7))
    found = new_subjects(old, new, permuted_labels(300, 300, 199))
    assert found.test.p == 1 / 200
    first = found.subjects[0]
    right = [m for m in first.members.tolist() if m >= 260]
    assert first.is_new
    assert len(right) >= 30
    assert len(right) >= 0.9 * len(first.members)
    assert all(c >= 260 for c in first.central)
    assert found.effect == pytest.approx(40 / 300, abs=0.035)


def test_two_new_subjects_are_two() -> None:
    old = document_vectors(corpus(mixed(300, 1), 1, spread=0.7))
    new = document_vectors(corpus([*mixed(220, 2), *[77] * 40, *[78] * 40], 2, spread=0.7))
    found = new_subjects(old, new, permuted_labels(300, 300, 199))
    assert len(found.subjects) == 2
    sides = [{int(m) >= 260 for m in s.central} for s in found.subjects]
    assert sorted(sides, key=str) == [{False}, {True}]


def test_a_subject_that_grew_is_not_called_new() -> None:
    old = document_vectors(corpus([*mixed(270, 1), *[77] * 30], 1, spread=0.7))
    new = document_vectors(corpus([*mixed(200, 2), *[77] * 100], 2, spread=0.7))
    found = new_subjects(old, new, permuted_labels(300, 300, 199))
    assert found.subjects
    assert not found.subjects[0].is_new


def test_copies_of_one_text_on_both_sides_are_no_subject() -> None:
    same = np.repeat(document_vectors(corpus([3], 1)), 60, axis=0)
    found = new_subjects(same, same, permuted_labels(60, 60, 99))
    assert found.test.p > 0.05
    assert found.subjects == []
