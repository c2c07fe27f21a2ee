"""FASTA and FASTQ, record by record as the file streams by.

A record's text is its residues as they stand there, lines joined, without blanks. `start` and `end` in its
metadata are its bytes in the unpacked file, from its `>` or `@` to the next record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from qembed.corpus.decode import EMPTY
from qembed.corpus.file_contents import MAX_FILE, open_stream
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.sequences.lines import Line, sequence_lines
from qembed.corpus.readers.sequences.records import sequence_document
from qembed.errors import refusal
from qembed.types import ReadItem, Skipped, SourceFile, Unreadable

LOWEST_QUALITY = 33
"""Code of the letter that stands for quality 0 (Sanger, Illumina 1.8 and later)."""


class Record(NamedTuple):
    """Record: number in the file, header without its mark, residues, first line, bytes [start, end).

    Number and line count from 1. `quality`: mean of the qualities.
    """

    number: int
    header: str
    residues: str
    line: int
    start: int
    end: int
    quality: float | None = None

    @property
    def name(self) -> str:
        """First word of the header, "" for none."""
        return next(iter(self.header.split(None, 1)), "")

    @property
    def description(self) -> str:
        """Text of the header behind its first word."""
        return self.header[len(self.name) :].strip()


class Wrong(NamedTuple):
    """Part of a file that is no record, and the line that shows it."""

    error: str
    line: int


_Parser: TypeAlias = Callable[[BinaryIO], Iterator[Record | Wrong]]


def fasta_records(stream: BinaryIO) -> Iterator[Record | Wrong]:
    """Records of FASTA, of any number of lines; lines that begin with `;` are comments.

    Raises OSError, ValueError.
    """
    header: str | None = None
    parts: list[str] = []
    count = first = start = at = size = 0
    lost = False

    def record(end: int) -> Record | Wrong:
        assert header is not None
        if not parts:
            return Wrong(f"no residues under >{header[:40]}", first)
        if size > MAX_FILE:
            return Wrong(f"a sequence of more than {MAX_FILE // 1024**2} MiB", first)
        return Record(count, header, "".join(parts), first, start, end)

    for line in sequence_lines(stream):
        if line.raw.startswith(b">"):
            if header is not None:
                yield record(at)
            header = line.text[1:].strip()
            count += 1
            parts, first, start, size, lost = [], line.number, line.start, 0, False
        elif not line.raw.startswith(b";") and (residues := "".join(line.text.split())):
            if header is None:
                if not lost:
                    reason = "no FASTA: text before the first line that begins with >"
                    yield Wrong(reason, line.number)
                lost = True
            else:
                size += len(residues)
                if size <= MAX_FILE:
                    parts.append(residues)
        at = line.end
    if header is not None:
        yield record(at)


def fastq_records(stream: BinaryIO) -> Iterator[Record | Wrong]:
    """Records of FASTQ, whose residues and qualities may have several lines. Raises OSError, ValueError.

    After a record that is none, the next one is looked for: in lines that were taken for its qualities too.
    """
    again: list[Line] = []  # lines to be read once more, the next one last
    unread = sequence_lines(stream)

    def take() -> Line | None:
        return again.pop() if again else next(unread, None)

    lost, count = False, 0
    while (line := take()) is not None:
        if not line.raw.strip():
            continue
        if not line.raw.startswith(b"@"):
            if not lost:
                reason = "no record of FASTQ: a line that begins with @ was expected"
                yield Wrong(reason, line.number)
            lost = True
            continue
        lost, count = False, count + 1
        header, began = line.text[1:].strip(), line
        residues: list[str] = []
        following: Line | None
        while (following := take()) is not None and not following.raw.startswith((b"+", b"@")):
            residues.append("".join(following.text.split()))
        text = "".join(residues)
        if following is None or following.raw.startswith(b"@"):
            reason = f"@{header[:40]} ends without its line of + and its qualities"
            yield Wrong(reason, began.number)
            again += [] if following is None else [following]
            continue
        end = following.end
        taken: list[Line] = []
        qualities = ""
        while len(qualities) < len(text) and (following := take()) is not None:
            if len(taken) >= len(residues) and following.raw.startswith(b"@"):
                again.append(following)  # they have as many lines as the residues: this is a header
                break
            taken.append(following)
            qualities += following.raw.decode("latin-1").strip("\r\n")
            end = following.end
        if len(qualities) != len(text):
            reason = f"@{header[:40]}: {len(text)} residues, {len(qualities)} qualities"
            yield Wrong(reason, began.number)
            taken += [after for after in (take(), take()) if after is not None]
            again += reversed(taken[_next_header(taken) :])
            lost = True
        elif not text:
            yield Wrong(f"no residues under @{header[:40]}", began.number)
        else:
            mean = sum(map(ord, qualities)) / len(qualities) - LOWEST_QUALITY
            yield Record(count, header, text, began.number, began.start, end, round(mean, 2))


def _next_header(lines: list[Line]) -> int:
    """Index of the first line that begins a record of four lines; without one, of the two last lines.

    `lines`: those that were taken for qualities, and two more.
    """
    for at, line in enumerate(lines[:-2]):
        if line.raw.startswith(b"@") and lines[at + 2].raw.startswith(b"+"):
            return at
    return max(len(lines) - 2, 0)


def read_fasta(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a record of FASTA; its id is the first word of its header."""
    yield from _documents(file, options, fasta_records)


def read_fastq(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a record of FASTQ, with the mean of its qualities."""
    yield from _documents(file, options, fastq_records)


def _documents(file: SourceFile, options: ReadOptions, parse: _Parser) -> Iterator[ReadItem]:
    where = os.fspath(file.location)
    is_empty = True
    try:
        with open_stream(file, options.position) as stream:
            for found in parse(stream):
                is_empty = False
                if isinstance(found, Wrong):
                    yield Unreadable(where, found.error, found.line)
                    continue
                meta: dict[str, Any] = {
                    "record": found.number,
                    "start": found.start,
                    "end": found.end,
                }
                if found.quality is not None:
                    meta["quality"] = found.quality
                yield sequence_document(
                    file, options, found.name, found.description, found.residues, found.line, meta
                )
        if is_empty:
            yield Skipped(where, EMPTY)
    except (OSError, EOFError, ValueError) as e:
        yield Unreadable(where, refusal(e) if isinstance(e, OSError) else str(e))
