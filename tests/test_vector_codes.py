"""Codes of vectors: their error is never longer than the residual says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qembed.vector_codes import ROWS_AT_A_TIME, encode, record, residuals

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(
    vectors=arrays.arrays(
        np.float32, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=NUMBERS
    )
)
@pytest.mark.slow
def test_the_error_is_at_most_the_residual(vectors: np.ndarray) -> None:
    made = encode(vectors)
    assert made.dtype == record(vectors.shape[1])
    assert np.isfinite(made["scale"]).all()
    about = made["scale"].astype(np.longdouble)[:, None] * made["codes"]
    error = np.sqrt(((vectors.astype(np.longdouble) - about) ** 2).sum(axis=1))
    assert (error <= made["residual"]).all()
    # and the residual is no wide guess, where the numbers are not at float32's lower end
    usual = np.abs(vectors).max(axis=1, initial=0) > 1e-30
    step = np.abs(vectors).max(axis=1, initial=0) / 254
    widest = step * np.sqrt(vectors.shape[1]) * 1.001
    assert (made["residual"] <= widest)[usual].all()


def test_what_a_byte_can_say_leaves_nothing() -> None:
    whole = np.array([[0, 0, 0], [127, -127, 5], [254, 2, -8]], np.float32)
    np.testing.assert_array_equal(encode(whole)["residual"], 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_vector_that_is_none_has_no_bound(bad: float) -> None:
    vectors = np.ones((3, 4), np.float32)
    vectors[1, 2] = bad
    made = encode(vectors)
    assert made["residual"].tolist()[1] == np.inf
    assert made["scale"].tolist()[1] == 0
    assert np.isfinite(made["residual"][[0, 2]]).all()


def test_rows_do_not_depend_on_their_neighbours() -> None:
    vectors = np.random.default_rng(0).normal(size=(ROWS_AT_A_TIME + 7, 5)).astype(np.float32)
    alone = np.concatenate([encode(v[None]) for v in vectors])
    assert encode(vectors).tobytes() == alone.tobytes()


def test_residuals_of_other_vectors_are_larger() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    made = encode(vectors)
    assert (residuals(vectors, made) <= made["residual"]).all()
    assert (residuals(vectors[::-1], made) > made["residual"])[[0, 1, 3, 4]].all()
