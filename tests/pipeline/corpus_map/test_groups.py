"""Number of groups: as many as subjects where these are clear, few where they are not."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest

from qembed.pipeline.corpus_map.groups import find_groups, number_of_groups
from qembed.projection.principal_axes import principal_axes
from qembed.testing import encoder


def coordinates(sizes: list[int]) -> np.ndarray:
    """Points of texts of so many subjects, each of 30 words of its own and 12 that all have."""
    rng = random.Random(5)
    shared = [f"common{i}" for i in range(12)]
    texts = []
    for subject, size in enumerate(sizes):
        words = [f"subject{subject}word{i}" for i in range(30)] + shared
        texts += [" ".join(rng.sample(words, 14)) for _ in range(size)]
    vectors = encoder().encode(texts)
    return principal_axes([vectors], 50).project(vectors)


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[10] * 6, [40] * 3])
def test_planted_subjects_are_the_groups(sizes: list[int]) -> None:
    own = find_groups(coordinates(sizes), 0, 0).tolist()
    subjects = [s for s, size in enumerate(sizes) for _ in range(size)]
    assert len({*own}) == len(sizes)
    # each document with those of its subject
    assert len(Counter(zip(own, subjects, strict=True))) == len(sizes)


@pytest.mark.slow
@pytest.mark.parametrize("size", [60, 200])
def test_one_subject_is_cut_in_few(size: int) -> None:
    own = find_groups(coordinates([size]), 0, 0)
    assert len(np.unique(own)) == number_of_groups(size) <= 4


@pytest.mark.slow
def test_a_number_that_is_asked_for_holds() -> None:
    assert len(np.unique(find_groups(coordinates([10] * 6), 4, 0))) == 4
