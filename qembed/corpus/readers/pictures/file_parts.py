"""Parts of a picture's file beside its pixels. Where one is damaged, Pillow refuses the whole picture.

PNG and JPEG: texts, profiles, EXIF, sizes in print. A part is damaged if Pillow refuses a file that has it
beside nothing but what the pixels need.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MAX_PARTS = 1000
"""Parts beside the pixels that are looked at: so many texts of 1 MB, unpacked, take 3 s."""
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_FRAMES = (b"fcTL", b"fdAT")
"""Chunks of an animation, which count each other: none is looked at alone."""
_TEXT = "text in a picture's file, which cannot be read"
EXIF = "EXIF of a picture, which cannot be read"
_TOLD = {
    b"tEXt": _TEXT,
    b"zTXt": _TEXT,
    b"iTXt": _TEXT,
    b"eXIf": EXIF,
    b"tRNS": "transparency of a picture, which cannot be read",
}
"""Chunks -> name of what is lost without them; of others nothing is read."""
_APPLICATION, _COMMENT, _SCAN = range(0xE0, 0xF0), 0xFE, 0xDA


class _Part(NamedTuple):
    """Part of a file, as it stands there. `kind`: of a chunk; `is_needed`: by the pixels."""

    kind: bytes
    data: bytes
    is_needed: bool


def without_damaged(data: bytes) -> tuple[bytes, tuple[str, ...]] | None:
    """The file without its damaged parts, and names of what is lost by that; None if no part is damaged.

    Nor is one looked for in a file that has more than MAX_PARTS.
    """
    if data.startswith(_PNG):
        begin, parts = _PNG, list(_chunks(data))
        bare = [*(p.data for p in parts[:1]), _chunk(b"IDAT", b""), _chunk(b"IEND", b"")]
        at = 1
    elif data.startswith(_JPEG):
        begin, parts = _JPEG, list(_segments(data))
        *needed, scans = [p.data for p in parts if p.is_needed]
        bare, at = [*needed, scans[:1024]], 0
    else:
        return None
    if sum(not p.is_needed for p in parts) > MAX_PARTS or not _opens(begin + b"".join(bare)):
        return None
    damaged = {
        i
        for i, part in enumerate(parts)
        if not part.is_needed and not _opens(begin + b"".join([*bare[:at], part.data, *bare[at:]]))
    }
    if not damaged:
        return None
    lost = tuple(_TOLD[parts[i].kind] for i in sorted(damaged) if parts[i].kind in _TOLD)
    return begin + b"".join(p.data for i, p in enumerate(parts) if i not in damaged), lost


def _chunks(data: bytes) -> Iterator[_Part]:
    """Chunks of PNG; the last part is whatever stands behind those that are whole."""
    at = len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if end > len(data):
            break
        is_needed = not kind[0] & 0x20 or kind in _FRAMES
        yield _Part(kind, data[at:end], is_needed)
        at = end
    yield _Part(b"", data[at:], True)


def _chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def _segments(data: bytes) -> Iterator[_Part]:
    """Segments of JPEG before its first scan; the last part is all from there on."""
    at = len(_JPEG)
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN:
        marker = data[at + 1]
        if marker in (0xFF, 0x01):  # filling; a marker without a segment
            end = at + 1 + (marker == 0x01)
        else:
            end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if end > len(data):
            break
        yield _Part(b"", data[at:end], marker not in _APPLICATION and marker != _COMMENT)
        at = end
    yield _Part(b"", data[at:], True)


def _opens(data: bytes) -> bool:
    """Test whether Pillow takes the head of a file."""
    from PIL import Image as images

    try:
        images.open(io.BytesIO(data), formats=("PNG", "JPEG", "MPO")).close()
    except Exception:  # what it raises for bad bytes is anything
        return False
    return True
