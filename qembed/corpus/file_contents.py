"""A file's bytes and text, unpacked if it is packed, and never more of them than there is room for.

What was listed as a regular file may have become a FIFO since: it is opened without waiting and looked at
again. `.gz` and `.zst` are unpacked as they are read, and what unpacks to far more than it is is a bomb.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from typing import Any, BinaryIO, NamedTuple

from qembed.corpus.decode import BINARY, SNIFF, decode, is_binary, legacy
from qembed.types import Skipped, SourceFile, Unreadable

MAX_FILE = 256 * 1024 * 1024
"""Bytes of one text file; a larger one is no document anybody reads, and would be held whole."""
MAX_RATIO = 100
"""What a packed file may unpack to, times its size, where that is more than MAX_FILE. Text packs 3 to 20."""
PACKED = (".gz", ".zst")


class DecompressionBomb(OSError):
    """A packed file that unpacks to more than it may."""


class _Bounded(io.RawIOBase):
    """A stream that raises Bomb after `limit` bytes, and OSError for what cannot be unpacked."""

    def __init__(self, inner: Any, limit: int) -> None:
        self._inner = inner
        self._left = limit

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills the buffer, 0 at the end."""
        try:
            data = self._inner.read(len(buffer))
        except (EOFError, zlib.error, OSError) as e:
            raise OSError(f"cannot be unpacked: {e}") from e
        self._left -= len(data)
        if self._left < 0:
            raise DecompressionBomb("unpacks to far more than its size (a decompression bomb?)")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Closes what is below, too."""
        if not self.closed:
            self._inner.close()
        super().close()


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
        if name.endswith(".gz"):
            import gzip

            inner: Any = _Closing(gzip.GzipFile(fileobj=raw), raw)
        else:
            import pyarrow as pa

            inner = _Closing(pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"), raw)
        return io.BufferedReader(_Bounded(inner, limit), 1 << 16)
    except BaseException:
        raw.close()
        raise


class _Closing:
    """A reader that closes the file below it."""

    def __init__(self, reader: Any, below: BinaryIO) -> None:
        self._reader = reader
        self._below = below

    def read(self, n: int) -> bytes:
        data: bytes = self._reader.read(n)
        return data

    def close(self) -> None:
        self._reader.close()
        self._below.close()


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
