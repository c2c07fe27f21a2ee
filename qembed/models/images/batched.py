"""Encoders of pictures by batches, from a function that gives the vectors of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qembed.models.images.text_only import labels
from qembed.protocols import Kind
from qembed.vectors import normalize_encoded

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from qembed.models.images.preprocessing import Preprocessing
    from qembed.types import Vectors

    Arrays = npt.NDArray[np.float32]

IMAGES = 16
"""Pictures in a batch."""


class BatchedImages:
    """ImageEncoder of a function from a batch of opened pictures to vectors.

    `dim`: truncate vectors to so many dimensions.
    """

    def __init__(
        self, vectors: Callable[[Sequence[Image]], Arrays], image_recipe: str, dim: int
    ) -> None:
        self._vectors = vectors
        self.image_recipe = image_recipe
        self._dim = dim

    def supports(self, kind: Kind) -> bool:
        """True for both kinds: it belongs to a model of texts."""
        return True

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        """Vectors of opened RGB pictures, float32 (len(images), dim), rows of length 1, in their order.

        Vectors are truncated to `dim` before they are normalised. Raises EncodingError for NaN or infinity.
        """
        import numpy as np

        out = np.empty((len(images), self._dim), dtype=np.float32)
        for at in range(0, len(images), IMAGES):
            batch = images[at : at + IMAGES]
            raw = self._vectors(batch)[:, : self._dim]
            out[at : at + IMAGES] = normalize_encoded(raw, labels(batch), noun="picture")
        return out


def prepared(
    pixel_vectors: Callable[[Arrays], Arrays], steps: Preprocessing, dim: int
) -> BatchedImages:
    """ImageEncoder of a function from pixels to vectors, with our own preprocessing."""
    return BatchedImages(lambda images: pixel_vectors(steps.pixels(images)), steps.recipe, dim)
