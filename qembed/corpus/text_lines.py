"""Lines of bytes to lines of text, as they stream by: UTF-8, a given encoding, or a mixture of two."""

from __future__ import annotations

import io
import re
from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from qembed.corpus import encodings
from qembed.corpus.decode import (
    EVIDENCE,
    SNIFF,
    Decoded,
    decode,
    has_utf8_lines,
    is_mostly_utf8,
    is_utf8,
    lenient,
    mark_of,
    mixed_line,
)
from qembed.corpus.read_position import ReadPosition
from qembed.types import ReadWarning, Unreadable

MAX_LINE = 64 * 1024 * 1024
"""Bytes of a line; a longer one is not held."""
MAX_WIDE = 256 * 1024 * 1024
"""Bytes of a UTF-16 or UTF-32 stream, which is held whole."""
SKIP_BYTES = 1024 * 1024
_HIGH = re.compile(rb"[\x80-\xff]")


class TextLines:
    """Lines of a binary stream as text, with their ends; None stands for a line of more than `limit` bytes.

    `warnings`: doubts about the encoding, complete when the lines are. `encoding`: the codec that the user
    says. `position`: told where the lines stand in a stream that is held whole. Iterating raises OSError;
    `unreadable` says why there are no lines, of a binary stream for one.
    """

    def __init__(
        self,
        stream: BinaryIO,
        path: str,
        encoding: str | None = None,
        limit: int = MAX_LINE,
        position: ReadPosition | None = None,
    ) -> None:
        self.warnings: list[ReadWarning] = []
        self.unreadable: Unreadable | None = None
        self._stream = stream
        self._path = path
        self._encoding = encoding
        self._limit = limit
        self._position = position
        self._codec = encoding or "utf-8"
        self._guess = ""  # codec of lines that are not UTF-8

    def __iter__(self) -> Iterator[str | None]:
        peek = getattr(self._stream, "peek", None)  # not every stream in memory has it
        head: bytes = b"" if peek is None else peek(SNIFF)
        first = self._stream.readline(self._limit + 1)
        head = max(head, first, key=len)
        mark = mark_of(first)
        wide = self._encoding is not None and self._encoding.startswith(("utf-16", "utf-32"))
        if wide or b"\0" in head[:SNIFF] or (mark is not None and mark.codec != "utf-8"):
            yield from self._whole(first)
            return
        if mark is not None:
            first, self._encoding, self._codec = first[mark.size :], None, "utf-8"
        yield from self._decoded(self._lines(first))

    def _whole(self, first: bytes) -> Iterator[str]:
        """Lines of an encoding in which the byte 0x0A is no line's end."""
        data = first + self._stream.read(MAX_WIDE)
        found = decode(data, self._path, self._encoding)
        if isinstance(found, Decoded):
            if found.doubt:
                self.warnings.append(ReadWarning(self._path, found.doubt, found.line))
            lines = io.StringIO(found.text, newline="")
            for line in lines:
                if self._position is not None:
                    self._position.set(lines.tell(), len(found.text))
                yield line
        else:
            self.unreadable = found

    def _lines(self, first: bytes) -> Iterator[bytes | None]:
        line = first
        while line:
            if len(line) > self._limit and not line.endswith(b"\n"):
                while (rest := self._stream.readline(SKIP_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield None
            else:
                yield line
            line = self._stream.readline(self._limit + 1)

    def _decoded(self, lines: Iterable[bytes | None]) -> Iterator[str | None]:
        ahead = _Ahead(iter(lines))
        is_mixed = False
        for number, line in enumerate(ahead, 1):
            if line is None:
                yield None
                continue
            try:
                text = line.decode(self._codec)
                is_mixed = is_mixed or not line.isascii()
            except UnicodeDecodeError as e:
                text = self._other(line, e, number, ahead, is_mixed)
            yield text

    def _other(
        self, line: bytes, error: UnicodeDecodeError, number: int, ahead: _Ahead, is_mixed: bool
    ) -> str:
        """A line that is not in the codec it should be in."""
        if self._encoding is not None:
            if not self.warnings:
                doubt = f"not all of it is {self._encoding}: U+FFFD stands for the rest"
                self.warnings.append(ReadWarning(self._path, doubt, number))
            return lenient(line, self._encoding)
        if not self._guess:
            lines = [line, *ahead.look()]
            others = [x for x in lines if not is_utf8(x) and not is_mostly_utf8(x)]
            sample = b"".join(others)
            self._guess = encodings.guess(sample) if others else "cp1252"
            is_mixed = is_mixed or not others or has_utf8_lines(lines)
            if not is_mixed:
                self._codec = self._guess  # lines that are UTF-8 are so by chance
            if is_mixed or len(_HIGH.findall(sample)) < EVIDENCE:
                byte = f"byte 0x{error.object[error.start]:02x}"
                doubt = (
                    f"not UTF-8 ({byte}): read as {self._guess}, the likeliest (--encoding NAME)"
                )
                self.warnings.append(ReadWarning(self._path, doubt, number))
        is_whole = self._codec == self._guess
        return lenient(line, self._guess) if is_whole else mixed_line(line, self._guess)


class _Ahead:
    """Iterator over lines that can be looked at before they come."""

    def __init__(self, lines: Iterator[bytes | None]) -> None:
        self._lines = lines
        self._waiting: deque[bytes | None] = deque()
        self._error: OSError | None = None

    def __iter__(self) -> _Ahead:
        return self

    def __next__(self) -> bytes | None:
        if self._waiting:
            return self._waiting.popleft()
        if self._error is not None:
            raise self._error
        return next(self._lines)

    def look(self) -> list[bytes]:
        """The next lines, about SAMPLE_BYTES of them."""
        size = sum(len(x) for x in self._waiting if x)
        try:
            while size < encodings.SAMPLE_BYTES:
                line = next(self._lines)
                self._waiting.append(line)
                size += len(line or b"") + 1
        except StopIteration:
            pass
        except OSError as e:
            self._error = e
        return [x for x in self._waiting if x]
