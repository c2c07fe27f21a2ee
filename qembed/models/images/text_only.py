"""Models that read no pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.protocols import ImageEncoder, Kind

if TYPE_CHECKING:
    from PIL.Image import Image


def labels(images: Sequence[Image]) -> list[str]:
    """Sizes of pictures, to name them in messages."""
    return [f"{image.width} x {image.height}" for image in images]


def reads_no_images(spec: str) -> UsageError:
    """Error for pictures that are given to a model of texts alone."""
    return UsageError(f"{spec} gives vectors of texts only, none of pictures")


class TextOnly:
    """Part of a Model for one that reads no pictures."""

    spec: str
    image_recipe = ""

    def supports(self, kind: Kind) -> bool:
        """True for texts."""
        return kind == "text"

    def image_encoder(self) -> ImageEncoder:
        """Not available: raises UsageError."""
        raise reads_no_images(self.spec)
