r"""Bytes to text: UTF-8 with or without a byte order mark, UTF-16 with one. Nothing is guessed.

A wrong guess would be stored, encoded and found as if somebody had written it, so anything else is an
error that names the first wrong byte. The text is the file's own, `\r\n` and all: offsets into it are
offsets into what the user's editor shows. Lone surrogates cannot come out of here.
"""

from __future__ import annotations

import codecs

from qembed.types import Unreadable

SNIFF = 8192
"""Bytes in which a NUL says that a file is binary (git's rule)."""

UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
UTF32 = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)


def decode(data: bytes, path: str) -> str | Unreadable:
    """The text of a file's bytes without its byte order mark; Unreadable names `path` and the reason."""
    if data.startswith(UTF32):  # before UTF-16: the little-endian mark begins with UTF-16's
        return Unreadable(path, "UTF-32 is not read (make it UTF-8: iconv -f UTF-32 -t UTF-8)")
    if data.startswith(UTF16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError as e:
            line = _text_before(data, e.start).count("\n") + 1
            return Unreadable(path, f"not UTF-16: {e.reason} at offset {e.start} (line {line})")
    if b"\0" in data[:SNIFF]:
        return Unreadable(path, "binary file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        # e.object is what was decoded: without the mark, if there was one
        start = e.start + len(data) - len(e.object)
        line = data.count(b"\n", 0, start) + 1
        return Unreadable(
            path, f"not UTF-8: byte 0x{data[start]:02x} at offset {start} (line {line})"
        )


def _text_before(data: bytes, end: int) -> str:
    """What of UTF-16 `data` is whole before the byte `end`."""
    return data[:end].decode("utf-16", "ignore")
