"""Lines of files of sequences: a byte order mark is none of them; ends of Windows, Unix and old Mac files."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from qembed.corpus.decode import mark_of
from qembed.corpus.file_contents import MAX_FILE


def has_records(data: bytes) -> bool:
    """False for a file of blank lines, and of comments that begin with `#`."""
    lines = data.removeprefix(BOM_UTF8).splitlines()
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)


class Line(NamedTuple):
    """Line with its end, its number from 1, and its bytes [start, end) in the unpacked file."""

    raw: bytes
    number: int
    start: int
    end: int

    @property
    def text(self) -> str:
        """The line without white space around; bytes that are no UTF-8 are read as cp1252."""
        try:
            return self.raw.decode().strip()
        except UnicodeDecodeError:
            return self.raw.decode("cp1252", "replace").strip()


def sequence_lines(stream: BinaryIO, longest: int = MAX_FILE) -> Iterator[Line]:
    """Lines of a stream, parts of those that are longer. Raises OSError, ValueError for UTF-16 and UTF-32."""
    number = at = 0
    for raw in iter(lambda: stream.readline(longest), b""):
        if at == 0 and (mark := mark_of(raw)) is not None:
            if mark.codec != "utf-8":
                raise ValueError(f"{mark.codec[:6].upper()}: sequences are read as ASCII or UTF-8")
            at, raw = mark.size, raw[mark.size :]
        # bytes.splitlines knows these ends alone; it copies, and a long line seldom has one inside
        for part in raw.splitlines(keepends=True) if b"\r" in raw[:-2] else (raw,):
            number += 1
            start, at = at, at + len(part)
            yield Line(part, number, start, at)
