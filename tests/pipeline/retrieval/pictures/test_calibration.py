"""Cosines of both kinds on one scale: compared with the formula written out, and with what it is for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from qembed.pipeline.retrieval.pictures.calibration import PRIOR, KindSamples, Scale
from qembed.pipeline.retrieval.pictures.reranked import in_place

if TYPE_CHECKING:
    from qembed.types import Vectors

DIM = 32
RNG = np.random.default_rng(7)


def unit(vectors: np.ndarray) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def around(centre: np.ndarray, n: int, spread: float) -> Vectors:
    return unit(centre + spread * RNG.normal(size=(n, DIM)))


CENTRES = unit(RNG.normal(size=(2, DIM)))
TEXTS, PICTURES = around(CENTRES[0], 300, 0.15), around(CENTRES[1], 200, 0.05)
LOOSE = around(CENTRES[0], 60, 0.25)
NONE = np.zeros((0, DIM), np.float32)


def test_the_formula() -> None:
    samples = KindSamples(TEXTS, PICTURES, NONE)
    query = around(CENTRES[0], 1, 0.15)[0]
    cosines = PICTURES @ query
    prior = TEXTS[::1][:256] @ PICTURES.T

    def spread(values: np.ndarray) -> float:
        return float(np.quantile(values, 0.9) - np.quantile(values, 0.5)) / 1.2816

    n = len(cosines) - PRIOR
    middle = (n * np.median(cosines) + PRIOR * np.median(prior)) / (n + PRIOR)
    square = (n * spread(cosines) ** 2 + PRIOR * spread(prior) ** 2) / (n + PRIOR)
    found = samples.scale(query, True)
    assert found is not None
    np.testing.assert_allclose(found, [middle, np.sqrt(square)], rtol=1e-4)


def test_one_scale_onto_another() -> None:
    moved = Scale(0.2, 0.1).onto(Scale(0.7, 0.05), np.array([0.2, 0.4], np.float32))
    np.testing.assert_allclose(moved, [0.7, 0.8])
    np.testing.assert_allclose(
        Scale(0.1, 0.1).onto(Scale(0.2, 0.05), np.array([-1, 1])), [-0.35, 0.65]
    )


@pytest.mark.parametrize("spread", [1e-4, 0.01, 0.05, 0.3])
@pytest.mark.parametrize("middle", [-0.3, 0.1, 0.95])
def test_scores_stay_cosines_in_their_order(middle: float, spread: float) -> None:
    """However narrow the scale of pictures is, which are alike to an encoder that tells little apart."""
    cosines = np.linspace(-1, 1, 20_001)
    moved = Scale(0.2, spread).onto(Scale(middle, 0.2), cosines)
    assert -1 <= moved.min() < moved.max() <= 1
    assert (np.diff(moved) > 0).all()
    near = np.abs(cosines - 0.2) < spread * min(1, 4 * (1 - middle))
    line = middle + 0.2 * (cosines[near] - 0.2) / spread
    np.testing.assert_allclose(moved[near], line, atol=1e-6)


@pytest.mark.parametrize("n", [1, 3, 200])
def test_unrelated_pictures_stand_in_the_middle(n: int) -> None:
    """However few pictures there are, others like them are where texts like none in particular are."""
    samples = KindSamples(TEXTS, PICTURES[:n], NONE)
    standing = []
    for query in around(CENTRES[0], 60, 0.15):
        scale = samples.scale(query, True)
        assert scale is not None
        fresh = around(CENTRES[1], 20, 0.05) @ query
        standing.append(((fresh - scale.middle) / scale.spread).mean())
    # of one or three pictures what these are like remains in it, of which the prior leaves little
    assert abs(float(np.mean(standing))) < (0.2 if n == 200 else 1)


def test_what_the_query_is_about_is_no_background() -> None:
    """A twelfth of the pictures is what is asked for: these stand out as much as one of them would."""
    alike = around(unit(CENTRES[1] + 0.5 * CENTRES[0]), 18, 0.02)
    one = KindSamples(TEXTS, np.concatenate([PICTURES, alike[:1]]), NONE)
    many = KindSamples(TEXTS, np.concatenate([PICTURES, alike]), NONE)
    standing = []
    for samples in (one, many):
        scale = samples.scale(CENTRES[0], True)
        assert scale is not None
        standing.append((float(alike[0] @ CENTRES[0]) - scale.middle) / scale.spread)
    assert standing[0] > 4
    assert standing[1] > 0.4 * standing[0]


def test_few_texts_are_helped_by_others() -> None:
    samples = KindSamples(TEXTS[:1], PICTURES, TEXTS[100:103])
    assert samples.scale(TEXTS[50], False) is not None
    assert KindSamples(TEXTS[:1], PICTURES, NONE).scale(TEXTS[50], False) is None


def test_wrong_pictures_stay_below_the_right_one_of_five_texts() -> None:
    """The text that is asked for is much of the upper half of five, and no measure of their background."""
    rng = np.random.default_rng(3)
    above = 0
    for i in range(60):
        few = np.roll(LOOSE, -i, axis=0)[:5]
        query = unit(few[0] + 0.1 * rng.normal(size=DIM)).astype(np.float32)
        samples = KindSamples(few, PICTURES, LOOSE[[(i + 9) % 60, (i + 19) % 60]])
        of_texts, of_pictures = samples.scale(query, False), samples.scale(query, True)
        assert of_texts is not None
        assert of_pictures is not None
        above += of_pictures.onto(of_texts, PICTURES @ query).max() > few[0] @ query
    assert above <= 6


def test_texts_that_are_alike_do_not_raise_their_middle() -> None:
    """Few texts, near to one another and far from the query: their best one bounds the middle."""
    texts = around(CENTRES[0], 5, 0.02)
    query = around(CENTRES[1], 1, 0.15)[0]
    scale = KindSamples(texts, PICTURES, NONE).scale(query, False)
    assert scale is not None
    assert (texts @ texts.T).min() > 0.9
    assert scale.middle <= (texts @ query).max() + 1e-6


def test_pictures_keep_their_ranks() -> None:
    scores = np.array([0.1, np.nan, 0.9, 0.5, np.nan], np.float32)
    order = np.array([2, 3, 0, 1, 4])
    fixed = [False, True, False, False, True]
    found, final = in_place(order, scores, fixed)
    assert found.tolist() == [2, 1, 3, 0, 4]
    np.testing.assert_allclose(final[found], [0.9, 0.9, 0.5, 0.1, 0.1])
    assert in_place(order, scores, [False] * 5)[0] is order
    assert in_place(np.array([0, 1]), scores[:2], [True, False])[0].tolist() == [0, 1]
