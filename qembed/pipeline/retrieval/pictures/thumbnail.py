"""Thumbnails of an index's pictures, made once from their files and kept in the index's folder.

A thumbnail is named by the digest of the picture's pixels, and by size and times of the file that it was made
from: a file that has changed is read again, and its picture shown if the pixels are the same. The folder may
be deleted at any time, and where it cannot be written thumbnails are made each time.
"""

from __future__ import annotations

import contextlib
import io
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from qembed.errors import UnknownDocument
from qembed.paths import THUMBNAILS

if TYPE_CHECKING:
    from qembed.types import Picture

SMALL, LARGE = 256, 768
"""Pixels of the longer side: on a page, and for a model that looks at it."""
MEDIA_TYPE = "image/jpeg"
QUALITY = 82
_READING = threading.Lock()
"""One picture is read at a time: the reader's process is not for several threads."""


class Pictured(Protocol):
    """A document or a hit. `picture`: digest of its pixels, None for a text."""

    @property
    def document(self) -> str:
        """Id."""

    @property
    def path(self) -> str | None:
        """Path of its file."""

    @property
    def fragment(self) -> str:
        """Part of that file."""

    @property
    def picture(self) -> str | None:
        """Digest, hexadecimal."""


def thumbnail(root: Path, found: Pictured, side: int = SMALL) -> bytes:
    """JPEG of a document's picture. Raises UnknownDocument for a text, and for a picture that has changed."""
    if found.picture is None or found.path is None:
        raise UnknownDocument(f"{found.document} is no picture")
    with contextlib.suppress(OSError):
        info = Path(found.path).stat()
        state = f"{info.st_size:x}-{info.st_mtime_ns:x}-{info.st_ctime_ns:x}"
        with contextlib.suppress(OSError):
            return _place(root, found.picture, side, state).read_bytes()
        with _READING:
            for picture in _pictures(found, info.st_size):
                made, digest = _shrunk(picture, side), picture.digest.hex()
                _keep(_place(root, digest, side, state), made)
                if digest == found.picture:
                    return made
    raise UnknownDocument(
        f"{found.document}: its file has changed since it was indexed, or is gone"
    )


def _place(root: Path, digest: str, side: int, state: str) -> Path:
    return root / THUMBNAILS / f"{digest}-{side}-{state}.jpg"


def _pictures(found: Pictured, size: int) -> list[Picture]:
    """Pictures of the document's file, up to its own."""
    from qembed.corpus import ReadOptions, read
    from qembed.types import Document, SourceFile

    assert found.path is not None
    path = Path(found.path)
    wanted = ("pages",) if found.fragment.startswith("page-image=") else ()
    file = SourceFile("", path.name, os.fspath(path), size, 0)
    pictures = []
    for item in read(file, ReadOptions(pictures=wanted)):
        if isinstance(item, Document) and item.picture is not None:
            pictures.append(item.picture)
    return sorted(pictures, key=lambda p: p.digest.hex() == found.picture)


def _shrunk(picture: Picture, side: int) -> bytes:
    from PIL import Image as images

    from qembed.corpus.readers.pictures.opened import open_png

    opened = open_png(picture.png)
    opened.thumbnail((side, side), images.Resampling.LANCZOS)
    out = io.BytesIO()
    opened.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _keep(place: Path, data: bytes) -> None:
    """Write a thumbnail in one step; nothing where the folder cannot be written."""
    part = place.with_suffix(f".{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        place.parent.mkdir(exist_ok=True)
        part.write_bytes(data)
        part.replace(place)
