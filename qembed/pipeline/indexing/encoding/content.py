"""Content of a passage that becomes its vector: a text, or a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from qembed.corpus.readers.pictures.opened import open_png
from qembed.models.encode_each import encode_each
from qembed.store import text_hash
from qembed.types import Picture

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.protocols import Encoder, ImageEncoder
    from qembed.types import Vectors

Content: TypeAlias = str | Picture
PICTURES_PER_CALL = 16
"""Pictures of a call of the encoder, opened all at once: up to 3 MB each."""


def hash_of(content: Content) -> bytes:
    """Hash by which a stored vector is found again, 16 bytes: of a text's characters or of pixels."""
    return content.digest if isinstance(content, Picture) else text_hash(content)


def size_of(content: Content) -> int:
    """Memory of a content while it waits, about: characters of a text, bytes of a picture."""
    return len(content.png) if isinstance(content, Picture) else len(content)


def encode_pictures(
    encoder: ImageEncoder, pictures: Sequence[Picture], dim: int
) -> tuple[Vectors, dict[int, str]]:
    """Vectors of pictures, and the reasons of those that have none, by position. Raises as `encode_each`."""
    return encode_each(cast("Encoder", _AsTexts(encoder)), cast("Any", pictures), dim)


def token_counts(model: Model, contents: Sequence[Content]) -> list[int]:
    """Tokens of each text; 0 of pictures."""
    texts = [c for c in contents if isinstance(c, str)]
    counts = iter(model.count(texts) if texts else ())
    return [next(counts) if isinstance(c, str) else 0 for c in contents]


class _AsTexts:
    """Adapter: pictures through what encodes texts one by one where several cannot be encoded together."""

    def __init__(self, encoder: ImageEncoder) -> None:
        self._encoder = encoder

    def encode(self, pictures: Sequence[Any]) -> Vectors:
        """Vectors of pictures; of the probe, which is no picture, those of a grey one."""
        from PIL import Image as images

        opened = [
            open_png(p.png) if isinstance(p, Picture) else images.new("RGB", (64, 64), "grey")
            for p in pictures
        ]
        return self._encoder.encode_images(opened)
