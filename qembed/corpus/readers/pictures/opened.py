"""A picture's bytes to its pixels, in the form that all models get: RGB, upright, not larger than MAX_SIDE.

Runs in the sandbox. What a format can hold beside one RGB picture is settled here: of an animation the first
frame, of several pages the first, transparent places white, 16 bits and floating point scaled to 8.
"""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from qembed.corpus.readers.pictures.exif import exif_facts, orientation
from qembed.corpus.readers.pictures.file_parts import EXIF, without_damaged

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_SIDE = 1024
"""Pixels of the longer side of what is kept: models read 224 to 512. Named by recipes of indexes."""
MAX_PIXELS = 100_000_000
"""Pixels of a picture that is opened: 300 MB as RGB."""
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
"""Formats that are opened, whatever the file's suffix says; with JPEG also MPO, which begins as it does."""

_Found = TypeVar("_Found")


class Opened(NamedTuple):
    """A picture. `png`: its pixels, as base64; `digest`: of size and pixels, as hexadecimal digits.

    `said`: description in the file itself. `pages`: of its pages those that are not read. `lost`: names of
    what beside the pixels is damaged.
    """

    png: str
    digest: str
    meta: dict[str, Any]
    said: str = ""
    pages: int = 0
    lost: tuple[str, ...] = ()


def open_picture(data: bytes, with_place: bool = False) -> Opened:
    """Open a picture. `with_place`: tell where it was taken. Raises ValueError, and what Pillow raises."""
    from PIL import Image as images

    images.MAX_IMAGE_PIXELS = None  # check_pixels names the size
    found, lost = _with_file(data, partial(_described, with_place=with_place))
    return found._replace(lost=(*lost, *found.lost))


def open_pixels(data: bytes, side: int = MAX_SIDE) -> Image:
    """Open a picture as RGB with a longer side of at most `side` pixels. Raises as `open_picture`."""
    return _with_file(data, partial(normalised, most=side))[0]


def _with_file(data: bytes, read: Callable[[Image], _Found]) -> tuple[_Found, tuple[str, ...]]:
    """Return what `read` finds in the opened file, and names of damaged parts without which it was opened."""
    try:
        return _opened(data, read), ()
    except Exception:
        mended = without_damaged(data)
        if mended is None:
            raise
        return _opened(mended[0], read), mended[1]


def _opened(data: bytes, read: Callable[[Image], _Found]) -> _Found:
    from PIL import Image as images
    from PIL import UnidentifiedImageError

    try:
        opened = images.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError("its content is no picture in a format that is read") from None
    with opened as found:
        check_pixels(*found.size)
        return read(found)


def _described(found: Image, with_place: bool) -> Opened:
    kind = str(found.format)
    if kind == "PNG":
        found.load()  # what stands behind the pixels is looked at now, and not while EXIF is read
    facts = exif_facts(found, with_place)
    several = bool(getattr(found, "is_animated", False))
    # Pillow gives the size of a TIFF as it is shown
    width, height = found.size[::-1] if facts.is_turned and kind != "TIFF" else found.size
    pixels = normalised(found)
    pages = _further_pages(found) if several and kind == "TIFF" else 0
    meta = {"width": width, "height": height, "format": kind, **facts.meta}
    if several and not pages and kind != "MPO":
        meta["animated"] = True
    return Opened(*encoded(pixels), meta, facts.said, pages, (EXIF,) if facts.is_damaged else ())


def _further_pages(found: Image) -> int:
    """Pages behind the first; 1 where they cannot be counted."""
    try:
        return int(getattr(found, "n_frames", 1)) - 1
    except Exception:  # a file that is cut off makes it raise anything
        return 1


def open_png(png: bytes) -> Image:
    """Open what `encoded` wrote: an RGB picture without metadata."""
    from PIL import Image as images

    with images.open(io.BytesIO(png), formats=("PNG",)) as found:
        return found.convert("RGB")


def check_pixels(width: int, height: int) -> None:
    """Raise ValueError for a picture with too many pixels, before any of them is read."""
    if width * height > MAX_PIXELS:
        raise ValueError(f"{width:,} × {height:,} pixels are too many (at most {MAX_PIXELS:,})")


def normalised(found: Image, most: int = MAX_SIDE) -> Image:
    """The picture in the form that models get, its longer side at most `most` pixels."""
    from PIL import Image as images

    side = (most, most)
    if found.mode in ("RGB", "L", "YCbCr") and found.format in ("JPEG", "MPO"):
        found.draft(None, (2 * most, 2 * most))  # the decoder itself halves large ones
    eight = _eight_bits(found)
    is_clear = eight.mode in ("RGBA", "LA", "PA") or "transparency" in eight.info
    pixels = eight.convert("RGBA" if is_clear else "RGB")
    pixels.thumbnail(side, images.Resampling.LANCZOS, reducing_gap=2.0)
    pixels = _upright(pixels)
    if not is_clear:
        return pixels
    ground = images.new("RGBA", pixels.size, "white")
    return images.alpha_composite(ground, pixels).convert("RGB")


def _upright(pixels: Image) -> Image:
    """The picture as it is shown. Pillow's own way writes the EXIF anew, and raises for a damaged one."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(orientation(pixels))
    return pixels if turn is None else pixels.transpose(turn)


def _eight_bits(found: Image) -> Image:
    """A picture of 16 or 32 bits or floating point as one of 8, which Pillow would cut off at 255."""
    if not found.mode.startswith(("I", "F")):
        return found
    import numpy as np
    from PIL import Image as images

    values = np.asarray(found).astype(np.float32)
    values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    if found.mode.startswith("I"):
        low, high = 0.0, 65535.0 if values.max(initial=0) > 255 else 255.0
    else:
        low, high = float(values.min(initial=0)), float(values.max(initial=0))
    scaled = (values - low) / max(high - low, 1e-12) * 255
    made = images.fromarray(np.clip(scaled, 0, 255).round().astype(np.uint8))
    made.info.update(found.info)
    return made


def encoded(pixels: Image) -> tuple[str, str]:
    """(PNG as base64, digest of size and pixels as hexadecimal digits) of an RGB picture."""
    out = io.BytesIO()
    pixels.info.clear()
    pixels.save(out, "PNG", compress_level=1)
    return base64.b64encode(out.getvalue()).decode("ascii"), digest_of(pixels)


def digest_of(pixels: Image) -> str:
    """Digest of size and pixels of an RGB picture, as hexadecimal digits."""
    h = hashlib.blake2b(f"picture {pixels.width} {pixels.height}".encode(), digest_size=16)
    h.update(pixels.tobytes())
    return h.hexdigest()
