"""A file's bytes and text, unpacked if it is packed, and never more of them than there is room for.

What was listed as a regular file may have become a FIFO since: it is opened without waiting and looked at
again. `.gz` and `.zst` are unpacked as they are read, and what unpacks to far more than it is is a bomb.
"""

from __future__ import annotations

import os
import stat
from typing import Any, BinaryIO, NamedTuple

from qembed.compression import decompress
from qembed.corpus.decode import BINARY, SNIFF, decode, is_binary, legacy
from qembed.types import Skipped, SourceFile, Unreadable

MAX_FILE = 256 * 1024 * 1024
"""Bytes of one text file; a larger one is no document anybody reads, and would be held whole."""
MAX_RATIO = 100
"""What a packed file may unpack to, times its size, where that is more than MAX_FILE. Text packs 3 to 20."""
PACKED = (".gz", ".zst")


def open_stream(file: SourceFile) -> BinaryIO:
    """A file's bytes, unpacked. Raises OSError, also while reading."""
    fd = os.open(file.location, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    raw = os.fdopen(fd, "rb")
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise OSError("not a regular file")
        name = file.name.lower()
        if not name.endswith(PACKED):
            return raw
        limit = max(MAX_FILE, MAX_RATIO * info.st_size)
        return decompress(raw, "gzip" if name.endswith(".gz") else "zstd", limit)
    except BaseException:
        raw.close()
        raise


def data(file: SourceFile, is_text: bool = False) -> bytes | Unreadable:
    """All bytes of a file of at most MAX_FILE. Skipped if it should be text and is binary."""
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
        return Unreadable(where, e.strerror or str(e))
    error = (
        f"{size / 1024**2:.0f} MiB is too large for one document (at most {MAX_FILE // 1024**2})"
    )
    return Unreadable(where, f"{error}: split it, or make it JSON lines")


class Text(NamedTuple):
    """A file's text, and its encoding where that was guessed."""

    text: str
    meta: dict[str, Any]


def text(file: SourceFile) -> Text | Unreadable:
    """A file's text; see `decode` and `legacy`. Skipped if the file is binary."""
    found = data(file, is_text=True)
    return found if isinstance(found, Unreadable) else as_text(found, os.fspath(file.location))


def as_text(found: bytes, where: str) -> Text | Unreadable:
    """The text of a file's bytes."""
    decoded = decode(found, where)
    if isinstance(decoded, str):
        return Text(decoded, {})
    if decoded.error == BINARY:
        return Skipped(where, BINARY)
    guess = legacy(found)
    return decoded if guess is None else Text(guess[0], {"encoding": guess[1]})


def suffix(name: str) -> str:
    """What a reader is chosen by: `.md` of `a/B.MD` and of `b.md.gz`, "" of `README` and `.env`."""
    leaf = name.rpartition("/")[2].lower()
    if leaf.endswith(PACKED):
        leaf = leaf[: leaf.rindex(".")]
    return leaf[leaf.rfind(".") :] if "." in leaf[1:] else ""
