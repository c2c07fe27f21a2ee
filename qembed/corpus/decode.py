r"""Bytes to text: by a byte order mark, an encoding that is given, UTF-8, a declaration, or a guess.

Text is never refused for its encoding. What cannot be told for sure is read as the likeliest, and
`Decoded.doubt` says so; what cannot be decoded at all becomes U+FFFD, and that is said, too. The text is the
file's own, `\r\n` and all: offsets into it are offsets into what an editor shows. Lone surrogates do not
come out of here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from typing import NamedTuple

from qembed.corpus import encodings
from qembed.errors import UsageError
from qembed.types import Skipped, Unreadable

SNIFF = 8192
"""Bytes in which a NUL says that a file is binary (git's rule)."""

BINARY = "binary file"
EMPTY = "empty file"
EVIDENCE = 20
"""Bytes over 0x7F from which on a guess is not called one."""

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose little-endian mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_SEVEN_BITS = re.compile(rb"\x1b(?:\$[@ABC]|\$\([A-D]|\([IJB])|\x1b\$\)C")
"""ISO-2022's way from ASCII to another character set."""
_UTF8_PAIR = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}"
)
_HIGH = re.compile(rb"[\x80-\xff]")
_CONTROLS = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f\ufffd]")


class Decoded(NamedTuple):
    """Text; `encoding` where neither UTF-8 nor a mark says it; `doubt` with its `line`, 1-based."""

    text: str
    encoding: str = ""
    doubt: str = ""
    line: int | None = None


class Mark(NamedTuple):
    """A byte order mark's length in bytes and the codec of what follows."""

    size: int
    codec: str


def mark_of(data: bytes) -> Mark | None:
    """The byte order mark that data begins with."""
    return next((Mark(len(m), name) for m, name in _MARKS if data.startswith(m)), None)


def encoding_option(name: str) -> str:
    """The codec for `--encoding NAME`. Raises UsageError for a name that is none."""
    found = encodings.codec(name)
    if found is None:
        raise UsageError(
            f"--encoding {name}: no such encoding (known are cp1252, latin-1, cp1251, koi8-r, gb18030, "
            "shift_jis, utf-16 and the others that Python has)"
        )
    return found


def decode(data: bytes, path: str, encoding: str | None = None) -> Decoded | Unreadable:
    """The text of a file's bytes. Skipped if they are binary, Unreadable if they are no text in any encoding.

    `encoding`: the codec that the user says; only a byte order mark goes before it.
    """
    mark = mark_of(data)
    if mark is not None and mark.codec != "utf-8":
        return _decoded(data[mark.size :], mark.codec, path, "")
    if mark is not None:
        try:
            return Decoded(data[mark.size :].decode())
        except UnicodeDecodeError as e:
            return _legacy(data[mark.size :], e, path, mark.size)
    if encoding is not None:
        return _as_told(data, encoding, path)
    if b"\0" in data[:SNIFF]:
        wide = encodings.without_mark(data[:SNIFF])
        return Skipped(path, BINARY) if wide is None else _without_mark(data, wide, path)
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        return _legacy(data, e, path)
    return _seven_bits(data) or Decoded(text) if "\x1b" in text else Decoded(text)


def is_binary(head: bytes) -> bool:
    """True if a NUL among the first bytes of a file says so, and it is not UTF-16 or UTF-32."""
    return (
        b"\0" in head[:SNIFF]
        and mark_of(head) is None
        and encodings.without_mark(head[:SNIFF]) is None
    )


def _decoded(data: bytes, codec: str, path: str, named: str) -> Decoded | Unreadable:
    """Data in an encoding that is known; `named` is what the result calls it."""
    try:
        line: int | None = None
        text = data.decode(codec)
        if not _halves(text):
            return Decoded(text, named)
        text, reason = lenient(data, codec), "half a character"
    except UnicodeDecodeError as e:
        text, reason = data.decode(codec, "replace"), f"{e.reason} at offset {e.start}"
        line = data[: e.start].decode(codec, "ignore").count("\n") + 1
    except UnicodeError as e:  # a few codecs say no more
        text, reason = lenient(data, codec), str(e)
    if _is_noise(text):
        return Unreadable(path, f"not text in {codec}: {reason}", line)
    doubt = f"not all of it is {codec} ({reason}): U+FFFD stands for the rest"
    return Decoded(text, named, doubt, line)


def _as_told(data: bytes, codec: str, path: str) -> Decoded | Unreadable:
    found = _decoded(data, codec, path, "")
    if isinstance(found, Unreadable) or found.doubt or data.isascii() or codec == "utf-8":
        return found
    if not is_utf8(data):
        return found
    return found._replace(doubt=f"valid UTF-8, and read as {codec} all the same (--encoding)")


def _without_mark(data: bytes, codec: str, path: str) -> Decoded | Unreadable:
    found = _decoded(data, codec, path, codec)
    if isinstance(found, Unreadable) or found.doubt:
        return found
    return found._replace(doubt=f"no byte order mark: read as {codec}")


def _seven_bits(data: bytes) -> Decoded | None:
    """ISO-2022 text, which is ASCII to the eye of a decoder; None if its bytes are not."""
    if _SEVEN_BITS.search(data):
        for codec in ("iso2022_jp", "iso2022_jp_ext", "iso2022_kr"):
            try:
                return Decoded(data.decode(codec), codec)
            except UnicodeDecodeError:
                continue
    return None


def _legacy(
    data: bytes, error: UnicodeDecodeError, path: str, marked: int = 0
) -> Decoded | Unreadable:
    """Data that is not UTF-8 as a whole: another encoding, or lines of UTF-8 and of another one.

    `marked`: bytes of the byte order mark before it, which says that it is UTF-8.
    """
    line = data.count(b"\n", 0, error.start) + 1
    byte = f"byte 0x{data[error.start]:02x} at offset {error.start + marked}"
    others = lines_over_ascii(data)
    is_mixed = marked > 0 or is_mostly_utf8(b"".join(others)) or has_utf8_lines(others)
    if not is_mixed and _has_many_controls(data[:SNIFF]):
        wide = encodings.without_mark(data[:SNIFF])
        if wide is not None:
            return _without_mark(data, wide, path)
    codec = None if is_mixed else encodings.declared(data)
    if codec is not None:
        found = _decoded(data, codec, path, codec)
        if isinstance(found, Decoded):
            return found
    if is_mixed:
        codec = guess_of_lines(others)
        text = "".join(mixed_line(part, codec) for part in data.splitlines(keepends=True))
        encoding, doubt = "", f"not all of it is UTF-8 ({byte}): the rest is read as {codec}"
    else:
        sample = b"".join(others)
        codec = encoding = encodings.guess(sample)
        text = lenient(data, codec)
        is_sure = len(_HIGH.findall(sample)) >= EVIDENCE
        doubt = (
            ""
            if is_sure
            else f"not UTF-8 ({byte}): read as {codec}, the likeliest (--encoding NAME)"
        )
    if _is_noise(text):
        return Unreadable(path, f"not text: not UTF-8 ({byte}), nor any other encoding", line)
    return Decoded(text, encoding, doubt, line if doubt else None)


def lines_over_ascii(data: bytes) -> list[bytes]:
    """Lines with bytes over 0x7F, the first of them, SAMPLE_BYTES in all."""
    found: list[bytes] = []
    size = at = 0
    while size < encodings.SAMPLE_BYTES and (high := _HIGH.search(data, at)) is not None:
        start = max(data.rfind(b"\n", at, high.start()) + 1, at, high.start() - SNIFF)
        end = data.find(b"\n", high.start(), start + encodings.SAMPLE_BYTES) + 1
        at = end or min(len(data), start + encodings.SAMPLE_BYTES)
        found.append(data[start:at])
        size += at - start
    return found


def is_mostly_utf8(data: bytes) -> bool:
    """True if half of the bytes over 0x7F belong to characters of UTF-8."""
    return 2 * sum(map(len, _UTF8_PAIR.findall(data))) > len(_HIGH.findall(data))


def has_utf8_lines(lines: Iterable[bytes]) -> bool:
    """True if a fifth of the bytes over 0x7F are in lines of UTF-8: fewer may be so by chance."""
    high = utf8 = 0
    for line in lines:
        if not line.isascii():
            n = len(_HIGH.findall(line))
            high += n
            utf8 += n if is_utf8(line) else 0
    return 5 * utf8 > high


def is_utf8(data: bytes) -> bool:
    """True if data can be decoded."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def guess_of_lines(lines: Iterable[bytes]) -> str:
    """The codec of those lines that have little of UTF-8."""
    others = [line for line in lines if not line.isascii() and not is_mostly_utf8(line)]
    return encodings.guess(b"".join(others)) if others else "cp1252"


def mixed_line(line: bytes, codec: str) -> str:
    """A line of UTF-8 or, where it is not, of another codec; in mostly UTF-8 only the wrong bytes are."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        pass
    if not is_mostly_utf8(line):
        return lenient(line, codec)
    parts, at = [], 0
    for found in _UTF8_PAIR.finditer(line):
        parts += [_bytewise(line[at : found.start()]), found[0].decode("utf-8", "replace")]
        at = found.end()
    return "".join([*parts, _bytewise(line[at:])])


def _bytewise(data: bytes) -> str:
    return data.decode("cp1252", "replace")


def lenient(data: bytes, codec: str) -> str:
    """Data as text in a codec; U+FFFD stands for what it does not know."""
    text = data.decode(codec, "replace")
    # a few codecs let halves of characters through
    return text.encode("utf-8", "replace").decode() if _halves(text) else text


def _halves(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _has_many_controls(data: bytes) -> bool:
    """True if there are as many control characters as in UTF-16, where letters have any byte."""
    found = len(re.findall(rb"[\x01-\x07\x0e-\x1a\x1c-\x1f]", data))
    return found > 1 and 50 * found > len(data)


def _is_noise(text: str) -> bool:
    """True if there are too many control and unknown characters for a text."""
    sample = text[: encodings.SAMPLE_BYTES]
    wrong = len(_CONTROLS.findall(sample))
    return 0 < wrong == len(sample) or (wrong > 2 and 20 * wrong > len(sample))
