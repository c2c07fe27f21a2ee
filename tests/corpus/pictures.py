"""Pictures made for tests, as bytes."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import ExifTags, Image

RED, GREEN, BLUE = (220, 30, 30), (30, 160, 60), (30, 60, 220)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def plain(colour: Any = RED, kind: str = "PNG", mode: str = "RGB", **options: Any) -> bytes:
    return saved(Image.new(mode, (60, 40), colour), kind, **options)


def frames(kind: str) -> bytes:
    first, *others = (Image.new("RGB", (60, 40), c) for c in (RED, GREEN, BLUE))
    return saved(first, kind, save_all=True, append_images=others)


def header_only(width: int, height: int) -> bytes:
    """A PNG that says a size, and has no pixels."""

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )


def chunk(name: bytes, body: bytes, check: int | None = None) -> bytes:
    """A chunk of PNG. `check`: its checksum, None for the right one."""
    check = zlib.crc32(name + body) if check is None else check
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", check)


def with_chunks(*before: bytes, behind: bytes = b"") -> bytes:
    """A PNG with chunks before its pixels and behind them."""
    data = plain()
    return b"".join([data[:33], *before, data[33:-12], behind, data[-12:]])


def with_segment(marker: int, body: bytes) -> bytes:
    """A JPEG with one segment more."""
    data = plain(kind="JPEG", quality=95)
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body + data[2:]


def with_exif(taken: str = "2021:07:04 12:30:00") -> bytes:
    """A JPEG of a camera that lay on its side: 60 x 40 stored, 40 x 60 shown."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.ImageDescription] = "A boat on the lake"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "S",
            ExifTags.GPS.GPSLatitude: (33.0, 30.0, 0.0),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (151.0, 15.0, 36.0),
        }
    )
    return plain(kind="JPEG", exif=exif)
