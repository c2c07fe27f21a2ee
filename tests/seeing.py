"""An encoder of texts and pictures for tests, `py:tests.seeing:encoder`: it sees colours.

A picture is the words of its colours, near a direction that all pictures share: cosines of a text with
pictures lie below those with texts, as those of CLIP do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tests.encoders import Bag

if TYPE_CHECKING:
    from PIL.Image import Image

    from qembed.types import Vectors

COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 60),
    "blue": (30, 60, 220),
    "yellow": (240, 220, 40),
    "black": (10, 10, 10),
    "white": (250, 250, 250),
}
GAP = 1.5
"""Length of the shared direction, to 1 of the colours."""
DETAIL = 0.15
"""Length of what tells pictures of one colour apart."""


class Seeing(Bag):
    """`pictures`: how many it encoded."""

    name = "seeing"
    version = "1"
    image_recipe = "mean colours of 4 x 4 fields"

    def __init__(self) -> None:
        super().__init__()
        self.pictures = 0

    def encode_images(self, images: Sequence[Image]) -> Vectors:
        self.pictures += len(images)
        return np.stack([self.look(image) for image in images])

    def look(self, image: Image) -> Vectors:
        assert image.mode == "RGB"
        names, wanted = list(COLOURS), np.array([*COLOURS.values()], dtype=np.float32)
        small = np.asarray(image.resize((4, 4)), dtype=np.float32).reshape(-1, 3)
        nearest = ((small[:, None] - wanted[None]) ** 2).sum(axis=2).argmin(axis=1)
        words = " ".join(names[n] for n in nearest.tolist())
        detail = np.resize(small.ravel() - small.mean(), self.dim) / 255
        total = self.vector(words) + GAP * self.vector("picture") + DETAIL * detail
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


ENCODER = Seeing()


def encoder() -> Seeing:
    return ENCODER
