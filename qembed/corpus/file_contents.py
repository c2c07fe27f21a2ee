"""Bytes and text of a file, unpacked if it is packed, up to a limit of size.

A file that was listed as a regular one may have become a FIFO since: it is opened without waiting and looked
at again. `.gz` and `.zst` are unpacked as they are read; one that unpacks to far more than its size is
rejected as a decompression bomb.
"""

from __future__ import annotations

import os
import stat
from typing import Any, BinaryIO, NamedTuple

from qembed.compression import decompress
from qembed.corpus.decode import BINARY, SNIFF, decode, is_binary
from qembed.corpus.formats import PACKED
from qembed.corpus.read_position import ReadPosition
from qembed.errors import refusal
from qembed.types import ReadWarning, Skipped, SourceFile, Unreadable

MAX_FILE = 256 * 1024 * 1024
"""Bytes of a text file that is held whole."""
MAX_RATIO = 100
"""Limit of unpacked to packed size where that allows more than MAX_FILE. Text packs 3 to 20 times."""


def open_stream(file: SourceFile, position: ReadPosition | None = None) -> BinaryIO:
    """Open a file's bytes, unpacked. `position` follows them. Raises OSError, also while reading."""
    fd = os.open(file.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    raw = os.fdopen(fd, "rb")
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError("not a regular file")
        name = file.name.lower()
        if not name.endswith(PACKED):
            if position is not None:
                position.follow(raw, info.st_size)
            return raw
        limit = max(MAX_FILE, MAX_RATIO * info.st_size)
        unpacked = decompress(raw, "gzip" if name.endswith(".gz") else "zstd", limit)
        if position is not None:
            position.follow(raw, info.st_size, unpacked)
        return unpacked
    except BaseException:
        raw.close()
        raise


def data(file: SourceFile, is_text: bool = False) -> bytes | Unreadable:
    """Read all bytes of a file of at most MAX_FILE. Skipped if it should be text and is binary."""
    where = os.fspath(file.location)
    size = file.size
    try:
        with open_stream(file) as stream:
            found = stream.read(SNIFF)
            if is_text and is_binary(found):
                return Skipped(where, BINARY)
            if size <= MAX_FILE:
                found += stream.read(MAX_FILE + 1 - len(found))
                if len(found) <= MAX_FILE:
                    return found
                size = len(found)
    except OSError as e:
        return Unreadable(where, refusal(e))
    error = (
        f"{size / 1024**2:.0f} MiB is too large for one document (at most {MAX_FILE // 1024**2})"
    )
    return Unreadable(where, f"{error}: split it, or make it JSON lines")


class Text(NamedTuple):
    """Text of a file. `meta`: its encoding where that was guessed; `warnings`: doubts about it."""

    text: str
    meta: dict[str, Any]
    warnings: tuple[ReadWarning, ...] = ()


def text(file: SourceFile, encoding: str | None = None) -> Text | Unreadable:
    """Read a file's text, in the codec `encoding` or as `decode` finds. Skipped if the file is binary."""
    found = data(file, is_text=encoding is None)
    where = os.fspath(file.location)
    return found if isinstance(found, Unreadable) else as_text(found, where, encoding)


def as_text(found: bytes, where: str, encoding: str | None = None) -> Text | Unreadable:
    """Decode a file's bytes. Skipped if they are binary."""
    decoded = decode(found, where, encoding)
    if isinstance(decoded, Unreadable):
        return decoded
    meta = {"encoding": decoded.encoding} if decoded.encoding else {}
    if not decoded.doubt:
        return Text(decoded.text, meta)
    return Text(decoded.text, meta, (ReadWarning(where, decoded.doubt, decoded.line),))
