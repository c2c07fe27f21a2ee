"""Fixed pictures whose vectors a manifest keeps: encoded again they show a change of their preparation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from qembed.errors import RecipeMismatch
from qembed.pipeline.recipe import PROBE_TOLERANCE
from qembed.store.manifest import pack_vectors, unpack_vectors

if TYPE_CHECKING:
    from PIL.Image import Image

    from qembed.protocols import ImageEncoder
    from qembed.types import Recipe

IMAGES = "images"
"""Name of their vectors among a manifest's probes."""


def probe_pictures() -> list[Image]:
    """Two pictures of another size and shape than models read: a gradient, and a chequered one."""
    import numpy as np
    from PIL import Image as images

    y, x = np.mgrid[0:180, 0:320]
    gradient = np.stack([x * 255 // 319, y * 255 // 179, 255 - x * 255 // 319], axis=-1)
    chequered = np.where(((x // 20 + y // 20) % 2)[..., None], (230, 40, 40), (240, 240, 240))
    return [images.fromarray(a.astype(np.uint8)) for a in (gradient, chequered)]


def image_probes(encoder: ImageEncoder) -> str:
    """Vectors of the pictures, for a manifest."""
    return pack_vectors(encoder.encode_images(probe_pictures()))


def check_image_probes(encoder: ImageEncoder, probes: Mapping[str, str], recipe: Recipe) -> None:
    """Raise RecipeMismatch if the vectors of the pictures differ from those that a manifest has."""
    if IMAGES not in probes:
        return
    stored = unpack_vectors(probes[IMAGES], recipe.dim)
    vectors = encoder.encode_images(probe_pictures())
    lowest = float((stored * vectors).sum(axis=1).min())
    if lowest < 1 - PROBE_TOLERANCE:
        raise RecipeMismatch(
            f"{recipe.model} gives other vectors of pictures than when this index was made (cosine "
            f"{lowest:.4f} on the probe pictures): a library under it has changed (qembed index --rebuild "
            "makes the index anew)"
        )
