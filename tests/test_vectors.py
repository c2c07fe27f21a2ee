"""Normalisation, truncation and validation: lengths, zero rows and messages."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.errors import EncodingError
from qembed.vectors import normalize, normalize_encoded, truncate, validate


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_normalize_keeps_zero_rows() -> None:
    got = normalize(rows([3, 4], [0, 0], [0, -2]))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [[0.6, 0.8], [0, 0], [0, -1]], atol=1e-7)
    assert normalize(np.zeros((0, 2), np.float32)).shape == (0, 2)


def test_truncate_scales_what_is_left() -> None:
    got = truncate(rows([0.36, 0.48, 0.8], [1, 0, 0]), 2)
    assert got.dtype == np.float32
    assert got.flags.c_contiguous
    np.testing.assert_allclose(got, [[0.6, 0.8], [1, 0]], atol=1e-7)
    assert truncate(np.zeros((0, 3), np.float32), 2).shape == (0, 2)


def test_truncate_refuses_rows_without_direction() -> None:
    with pytest.raises(EncodingError, match="zero in its first 2 dimensions"):
        truncate(rows([1, 0, 0], [1e-7, 0, 1]), 2)


@pytest.mark.parametrize("bad", [[0, 0], [np.nan, 1], [np.inf, 1]])
def test_rows_of_an_encoder_name_their_text(bad: list[float]) -> None:
    with pytest.raises(EncodingError, match=r"^the model gave NaN, .* for the text 'second'$"):
        normalize_encoded(rows([1, 0], bad), ["first", "second"])
    with pytest.raises(EncodingError, match=r"^py:m:f gave NaN, .* for the text 'second'$"):
        validate([[1, 0], bad], ["first", "second"], "py:m:f")


def test_precision_is_the_encoders() -> None:
    """The squares of 1e30 fit into float64 only, which third-party output is computed in."""
    assert validate(rows([0, 1e30]), ["a"], "it").tolist() == [[0, 1]]
    with np.errstate(over="ignore"), pytest.raises(EncodingError, match="infinity"):
        normalize_encoded(rows([0, 1e30]), ["a"])


@pytest.mark.parametrize("given", [[[1, 0]], [1, 0], [[[1, 0]], [[1, 0]]]])
def test_other_shapes_are_refused(given: object) -> None:
    with pytest.raises(EncodingError, match=r"it gave an array of shape \(.*\) for 2 texts"):
        validate(given, ["a", "b"], "it")
