"""Plain text that is too long for one document: parts of it, `server.log#part=2`, as it streams by.

A part ends at the end of a paragraph or line. Its passages' offsets and lines count from the beginning of
the whole text (`Document.start`, `Document.line`), so that they are right in an editor. Where text is only
ever appended, the parts before the last stay as they are.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

from qembed.corpus import encodings
from qembed.corpus.decode import (
    SNIFF,
    Decoded,
    decode,
    guess_of_lines,
    lines_over_ascii,
    mark_of,
    mixed_line,
)
from qembed.corpus.read_options import ReadOptions
from qembed.types import Document, ReadItem, ReadWarning, Unreadable

MAX_WHOLE_BYTES = 16 * 1024 * 1024
"""Bytes of a text that is still one document."""
PART_BYTES = 8 * 1024 * 1024
"""Characters of a part, about."""
BLOCK_BYTES = 1024 * 1024
_NOTHING_SAID = ReadOptions()


def read_parts(
    head: bytes, rest: BinaryIO, name: str, path: str, options: ReadOptions = _NOTHING_SAID
) -> Iterator[ReadItem]:
    """Read the parts of the text that begins with `head` (over MAX_WHOLE_BYTES) and goes on in `rest`.

    `options`: the codec that the user says, and who is told of the position. A doubt about the encoding is
    one warning, after the parts. Raises OSError.
    """
    mark, encoding = mark_of(head), options.encoding
    is_told = mark is not None or encoding is not None
    found = Decoded("") if is_told else _beginning(head, path)
    if isinstance(found, Unreadable):
        yield found
        return
    codec = mark.codec if mark is not None else encoding or found.encoding or "utf-8"
    meta = {"encoding": found.encoding} if found.encoding else {}
    blocks = _Blocks(head, rest, codec, 0 if mark is None else mark.size)
    text, start, line, number = "", 0, 1, 0
    for more in blocks:
        text += more
        while len(text) >= PART_BYTES:
            end = _end(text)
            number += 1
            if options.position is not None:
                decoded = (start + end) / (start + len(text))
                options.position.of_read = decoded * blocks.at / max(blocks.at, len(head))
            yield _part(name, number, text[:end], start, line, meta)
            start, line, text = start + end, line + text.count("\n", 0, end), text[end:]
    if text:
        yield _part(name, number + 1, text, start, line, meta)
    doubt, at = (found.doubt, found.line) if found.doubt else (blocks.doubt, blocks.line)
    if doubt:
        yield ReadWarning(path, doubt, at)


def _beginning(head: bytes, path: str) -> Decoded | Unreadable:
    """Encoding that `decode` finds in the first lines."""
    size = encodings.SAMPLE_BYTES
    end = head.rfind(b"\n", 0, size) + 1 or _whole_characters(head[:size])
    return decode(head[: size if b"\0" in head[:SNIFF] else end], path)


def _part(
    name: str, number: int, text: str, start: int, line: int, meta: dict[str, Any]
) -> Document:
    return Document(
        f"{name}#part={number}", text, "", {"part": number, "line": line, **meta}, line, start
    )


def _end(text: str) -> int:
    """Offset late in a text where a part may end: after a blank line, else a line, else a word."""
    low = PART_BYTES * 3 // 4
    for mark in ("\n\n", "\n\r\n", "\n", " "):
        at = text.rfind(mark, low, PART_BYTES)
        if at >= 0:
            return at + len(mark)
    return PART_BYTES


class _Blocks:
    """Text block by block, without its byte order mark. Iterating raises OSError.

    `doubt` and `line` (1-based) say what was not in the codec, and where first. `at`: bytes behind it.
    """

    def __init__(self, head: bytes, rest: BinaryIO, codec: str, skip: int) -> None:
        self._head = head
        self._rest = rest
        self._codec = codec
        self.at = skip
        self._other = ""  # codec of lines that are not UTF-8
        self._lines = 1  # line that the next block begins in
        self.doubt = ""
        self.line: int | None = None

    def _raw(self) -> Iterator[bytes]:
        while block := (
            self._head[self.at : self.at + BLOCK_BYTES]
            if self.at < len(self._head)
            else self._rest.read(BLOCK_BYTES)
        ):
            self.at += len(block)
            yield block

    def __iter__(self) -> Iterator[str]:
        decode_blocks = self._utf8 if self._codec == "utf-8" else self._lenient
        for text in decode_blocks():
            self._lines += text.count("\n")
            if text:
                yield text

    def _lenient(self) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(self._codec)("replace")
        for block in self._raw():
            yield self._checked(decoder.decode(block))
        yield self._checked(decoder.decode(b"", final=True))

    def _checked(self, text: str) -> str:
        if not self.doubt and (at := text.find("\ufffd")) >= 0:
            self.doubt = f"not all of it is {self._codec}: U+FFFD stands for the rest"
            self.line = self._lines + text.count("\n", 0, at)
        return text

    def _utf8(self) -> Iterator[str]:
        """UTF-8 in whole lines, as far as blocks have them: a line decides how its wrong bytes are read."""
        rest = b""
        for block in self._raw():
            block = rest + block
            end = block.rfind(b"\n") + 1 or _whole_characters(block)
            rest = block[end:]
            yield self._decoded(block[:end])
        yield self._decoded(rest)

    def _decoded(self, block: bytes) -> str:
        try:
            return block.decode()
        except UnicodeDecodeError as e:
            if not self.doubt:
                self._other = guess_of_lines(lines_over_ascii(block))
                self.doubt = (
                    f"not all of it is UTF-8 (byte 0x{block[e.start]:02x}): "
                    f"the rest is read as {self._other}"
                )
                self.line = self._lines + block.count(b"\n", 0, e.start)
        return "".join(mixed_line(part, self._other) for part in block.splitlines(keepends=True))


def _whole_characters(block: bytes) -> int:
    """Bytes of a block without a UTF-8 character that its end cuts off."""
    for back in range(1, min(4, len(block) + 1)):
        byte = block[-back]
        if byte >= 0xC0:
            wanted = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return len(block) - back if wanted > back else len(block)
        if byte < 0x80:
            break
    return len(block)
