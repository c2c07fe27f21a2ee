r"""Bytes to text: UTF-8 with or without a byte order mark, UTF-16 with one. `legacy` guesses the rest.

A wrong guess would be stored, encoded and found as if somebody had written it. So a text that is UTF-8
but for some wrong bytes is an error that names the first, and only a longer one that is no UTF-8 at all is
guessed at; what was guessed is in the document's metadata (`encoding`). The text is the file's own,
`\r\n` and all: offsets into it are offsets into what the user's editor shows. Lone surrogates cannot come
out of here.
"""

from __future__ import annotations

import codecs
import re

from qembed.types import Skipped, Unreadable

SNIFF = 8192
"""Bytes in which a NUL says that a file is binary (git's rule)."""

BINARY = "binary file"
MIN_BYTES = 64
"""Bytes that a guess needs."""
SAMPLE_BYTES = 1 << 16
"""Bytes that a guess looks at."""

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
        return Unreadable(path, BINARY)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        # e.object is what was decoded: without the mark, if there was one
        start = e.start + len(data) - len(e.object)
        line = data.count(b"\n", 0, start) + 1
        return Unreadable(
            path, f"not UTF-8: byte 0x{data[start]:02x} at offset {start} (line {line})"
        )


def encoding_of(head: bytes, path: str) -> str | Unreadable:
    """The encoding of a long text by the lines it begins with, as `decode` and `legacy` see them."""
    if head.startswith(UTF16) and not head.startswith(UTF32):
        return "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    head = head[: head.rfind(b"\n", 0, SAMPLE_BYTES) + 1] or head
    found = decode(head, path)
    if isinstance(found, str):
        return "utf-8"
    if found.error == BINARY:
        return Skipped(path, BINARY)
    guess = None if head.startswith(UTF32) else legacy(head)
    return found if guess is None else guess[1]


def is_binary(head: bytes) -> bool:
    """Whether a NUL among the first bytes of a file says so; UTF-16 and UTF-32 are full of them."""
    return b"\0" in head[:SNIFF] and not head.startswith((*UTF16, *UTF32))


def _text_before(data: bytes, end: int) -> str:
    """What of UTF-16 `data` is whole before the byte `end`."""
    return data[:end].decode("utf-16", "ignore")


_UTF8_PAIR = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]")


def legacy(data: bytes) -> tuple[str, str] | None:
    """The text of bytes in an encoding of before UTF-8, and its name; None if that is not clear.

    Not clear: too short, mostly UTF-8, control characters in the result.
    """
    high = len(_HIGH.findall(data, 0, SAMPLE_BYTES))
    utf8 = sum(len(found) for found in _UTF8_PAIR.findall(data, 0, SAMPLE_BYTES))
    if len(data) < MIN_BYTES or 2 * utf8 > high:
        return None
    from charset_normalizer import from_bytes

    best = from_bytes(data[:SAMPLE_BYTES]).best()
    if best is None or best.encoding.startswith("utf"):
        return None
    try:
        text = data.decode(best.encoding)
        text.encode()
    except UnicodeError:
        return None
    return None if _CONTROLS.search(text) else (text, best.encoding)
