"""Decompressed streams of gzip, zstd, bzip2 and xz data, with a limit against decompression bombs.

Shared by the readers of documents and of evaluation files. zstd is decoded by pyarrow's codec, which
reports a truncated stream and reads concatenated and skippable frames.
"""

from __future__ import annotations

import io
import re
import zlib
from typing import Any, BinaryIO, Literal, TypeAlias

Codec: TypeAlias = Literal["gzip", "zstd", "bzip2", "xz"]

# Longer than the magic numbers where those could begin a text: an id such as BZh1 is possible.
_SIGNATURES: dict[Codec, re.Pattern[bytes]] = {
    "gzip": re.compile(rb"\x1f\x8b\x08"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
    "bzip2": re.compile(rb"BZh[1-9](1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
}
SIGNATURE_BYTES = 10
"""Number of first bytes that `detect_codec` looks at."""


class DecompressionBomb(OSError):
    """Compressed data that decompresses to more than its limit."""


def detect_codec(head: bytes) -> Codec | None:
    """Codec of compressed data by its first SIGNATURE_BYTES bytes; None if it is not compressed."""
    return next((name for name, pattern in _SIGNATURES.items() if pattern.match(head)), None)


def decompress(raw: BinaryIO, codec: Codec, limit: int) -> BinaryIO:
    """Stream of the decompressed bytes of `raw`; closing it closes `raw`.

    Reading raises DecompressionBomb after more than `limit` bytes, OSError for data that is damaged
    or truncated.
    """
    decoder, errors = _open_decoder(raw, codec)
    return io.BufferedReader(_LimitedStream(decoder, errors, raw, limit), 1 << 16)


def share_taken(stream: BinaryIO) -> float:
    """Share of the bytes decompressed so far that were taken from a stream of `decompress`.

    The others were read ahead. Raises what reading raises.
    """
    assert isinstance(stream, io.BufferedReader)
    raw = stream.raw
    assert isinstance(raw, _LimitedStream)
    ahead = len(stream.peek(1))
    return 1 - ahead / raw.given if raw.given else 1.0


def _open_decoder(raw: BinaryIO, codec: Codec) -> tuple[Any, tuple[type[Exception], ...]]:
    """Decoder, and the exceptions that it raises for bad data."""
    if codec == "gzip":
        import gzip

        return gzip.GzipFile(fileobj=raw), (EOFError, zlib.error, OSError)
    if codec == "bzip2":
        import bz2

        return bz2.BZ2File(raw), (EOFError, OSError)
    if codec == "xz":
        import lzma

        return lzma.LZMAFile(raw), (EOFError, lzma.LZMAError, OSError)
    import pyarrow as pa

    return pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd"), (OSError,)


class _LimitedStream(io.RawIOBase):
    """Raw stream over a decoder; counts the bytes read in `given`. Owns the decoder and the file below it."""

    def __init__(
        self, decoder: Any, errors: tuple[type[Exception], ...], below: BinaryIO, limit: int
    ) -> None:
        self._decoder = decoder
        self._errors = errors
        self._below = below
        self._limit = limit
        self.given = 0

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; the number of bytes, 0 at the end."""
        try:
            data = self._decoder.read(len(buffer))
        except self._errors as e:
            raise OSError(f"cannot be unpacked: {e}") from e
        self.given += len(data)
        if self.given > self._limit:
            raise DecompressionBomb("unpacks to far more than its size (a decompression bomb?)")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the decoder and the file below it."""
        if not self.closed:
            self._decoder.close()
            self._below.close()
        super().close()
