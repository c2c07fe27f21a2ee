"""Plain text that is too long for one document: parts of it, `server.log#part=2`, as it streams by.

A part ends at the end of a paragraph or line. Its passages' offsets and lines count from the beginning of
the whole text (`Document.start`, `Document.line`), so that what is shown opens in an editor. Where text is
only ever appended, the parts before the last stay as they are.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

from qembed.corpus.decode import UTF16, encoding_of
from qembed.types import Document, Unreadable

MAX_WHOLE_BYTES = 16 * 1024 * 1024
"""Bytes of a text that is still one document."""
PART_BYTES = 8 * 1024 * 1024
"""Characters of a part, about."""
BLOCK_BYTES = 1024 * 1024


def read_parts(
    head: bytes, rest: BinaryIO, name: str, path: str
) -> Iterator[Document | Unreadable]:
    """The parts of the text that begins with `head` (more than LONG bytes) and goes on in `rest`.

    What cannot be decoded ends it: an Unreadable says where, and the parts up to there stand. Raises OSError.
    """
    encoding = encoding_of(head, path)
    if isinstance(encoding, Unreadable):
        yield encoding
        return
    guessed = {} if encoding.startswith("utf") else {"encoding": encoding}
    text, start, line, number = "", 0, 1, 0
    try:
        for more in _decoded(head, rest, encoding):
            text += more
            while len(text) >= PART_BYTES:
                end = _end(text)
                number += 1
                yield _part(name, number, text[:end], start, line, guessed)
                start, line, text = start + end, line + text.count("\n", 0, end), text[end:]
    except _Undecodable as e:
        error = f"{e} (line {line + text.count(chr(10)) + e.lines}); read up to line {line - 1}"
        yield Unreadable(path, error)
        return
    if text:
        yield _part(name, number + 1, text, start, line, guessed)


def _part(
    name: str, number: int, text: str, start: int, line: int, meta: dict[str, Any]
) -> Document:
    return Document(
        f"{name}#part={number}", text, "", {"part": number, "line": line, **meta}, line, start
    )


def _end(text: str) -> int:
    """Where a part may end, late in it: after a blank line, else a line, else a word."""
    low = PART_BYTES * 3 // 4
    for mark in ("\n\n", "\n\r\n", "\n", " "):
        at = text.rfind(mark, low, PART_BYTES)
        if at >= 0:
            return at + len(mark)
    return PART_BYTES


class _Undecodable(ValueError):
    """`lines`: line ends between what was handed out and the first wrong byte."""

    def __init__(self, message: str, lines: int) -> None:
        super().__init__(message)
        self.lines = lines


def _decoded(head: bytes, rest: BinaryIO, encoding: str) -> Iterator[str]:
    """The text block by block, without its byte order mark. Raises _Undecodable, OSError."""
    mark = next((len(m) for m in (codecs.BOM_UTF8, *UTF16) if head.startswith(m)), 0)
    decoder = codecs.getincrementaldecoder(encoding)()
    read = mark  # bytes that were given to the decoder
    at = mark
    while True:
        block = head[at : at + BLOCK_BYTES] if at < len(head) else rest.read(BLOCK_BYTES)
        at += len(block)
        try:
            text = decoder.decode(block, final=not block)
        except UnicodeDecodeError as e:
            # e.object is what the decoder had left over, and the block
            offset = read - (len(e.object) - len(block)) + e.start
            lines = e.object[: e.start].decode(encoding, "ignore").count("\n")
            what = f"byte 0x{e.object[e.start]:02x}"
            raise _Undecodable(
                f"not {encoding.upper()}: {what} at offset {offset}", lines
            ) from None
        read += len(block)
        if text:
            yield text
        if not block:
            return
