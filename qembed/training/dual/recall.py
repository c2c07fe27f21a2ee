"""Measures of a pair of towers on pairs that it was not trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

K = 10


@dataclass(frozen=True, slots=True)
class TextSearch:
    """Texts searched among pictures. `values`: by text, the share of its pictures among the first K.

    `reciprocal`: mean of 1 / rank of a text's first picture. `chance`: mean of `values` in a random order.
    """

    values: dict[str, float]
    reciprocal: float
    chance: float


def search_by_text(images: Vectors, texts: Vectors, captions: Sequence[str]) -> TextSearch:
    """Search each different text among the pictures. `images`, `texts`: unit rows of each pair.

    Relevant are the pictures of equal text.
    """
    import numpy as np

    names, first, number = np.unique(np.array(captions), return_index=True, return_inverse=True)
    scores = texts[first] @ images.T
    order = np.argsort(-scores, axis=1, kind="stable")
    right = number[order] == np.arange(len(names))[:, None]
    shares = right[:, :K].sum(axis=1) / right.sum(axis=1)
    ranks = right.argmax(axis=1) + 1
    return TextSearch(
        dict(zip(names.tolist(), shares.tolist(), strict=True)),
        float((1 / ranks).mean()),
        min(1.0, K / len(images)),
    )


def nearest_of_group(vectors: Vectors, groups: Sequence[int]) -> npt.NDArray[np.float64]:
    """1 for each picture whose nearest other one is of its group, else 0; NaN if its group has no other."""
    import numpy as np

    numbers = np.array(groups)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    right: npt.NDArray[np.float64] = (numbers[scores.argmax(axis=1)] == numbers).astype(np.float64)
    right[np.bincount(numbers)[numbers] < 2] = np.nan
    return right


def pixel_vectors(pixels: npt.NDArray[np.uint8]) -> Vectors:
    """Unit vectors of raw pixels, a baseline. `pixels`: uint8 (n, height, width, 3)."""
    import numpy as np

    from qembed.vectors import normalize

    flat = pixels.reshape(len(pixels), -1).astype(np.float32) / 255 - 1
    flat[:, 0] += 1e-6  # a white picture has a direction too
    return normalize(flat)
