"""FASTA and FASTQ, record by record as the file streams by.

A record's text is its residues as they stand there, lines joined, without blanks. `start` and `end` in its
metadata are its bytes in the unpacked file, from its `>` or `@` to the next record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from qembed.corpus.file_contents import MAX_FILE, open_stream
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.sequences.records import sequence_document
from qembed.errors import refusal
from qembed.types import ReadItem, SourceFile, Unreadable

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


class Wrong(NamedTuple):
    """Part of a file that is no record, and the line that shows it."""

    error: str
    line: int


_Parser: TypeAlias = Callable[[BinaryIO], Iterator[Record | Wrong]]


def fasta_records(stream: BinaryIO) -> Iterator[Record | Wrong]:
    """Records of FASTA, of any number of lines; lines that begin with `;` are comments.

    Raises OSError.
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

    for number, raw in enumerate(iter(lambda: stream.readline(MAX_FILE), b""), 1):
        if raw.startswith(b">"):
            if header is not None:
                yield record(at)
            header = _text(raw[1:])
            count += 1
            parts, first, start, size, lost = [], number, at, 0, False
        elif not raw.startswith(b";") and (line := "".join(_text(raw).split())):
            if header is None:
                if not lost:
                    yield Wrong("no FASTA: text before the first line that begins with >", number)
                lost = True
            else:
                size += len(line)
                if size <= MAX_FILE:
                    parts.append(line)
        at += len(raw)
    if header is not None:
        yield record(at)


def fastq_records(stream: BinaryIO) -> Iterator[Record | Wrong]:
    """Records of FASTQ, whose residues and qualities may have several lines. Raises OSError.

    After a record that is none, the next one is looked for.
    """
    lines = _Lines(stream)
    lost, count = False, 0
    while (raw := lines.next()) is not None:
        if not raw.strip():
            continue
        if not raw.startswith(b"@"):
            if not lost:
                yield Wrong(
                    "no record of FASTQ: a line that begins with @ was expected", lines.number
                )
            lost = True
            continue
        lost, count = False, count + 1
        header, first, start = _text(raw[1:]), lines.number, lines.start
        residues, qualities = [], ""
        while (raw := lines.next()) is not None and not raw.startswith(b"+"):
            residues.append("".join(_text(raw).split()))
        text = "".join(residues)
        if raw is None:
            yield Wrong(f"@{header[:40]} ends without its line of + and its qualities", first)
            return
        while len(qualities) < len(text) and (raw := lines.next()) is not None:
            qualities += raw.decode("latin-1").strip("\r\n")
        if len(qualities) != len(text):
            yield Wrong(f"@{header[:40]}: {len(text)} residues, {len(qualities)} qualities", first)
        elif not text:
            yield Wrong(f"no residues under @{header[:40]}", first)
        else:
            mean = sum(map(ord, qualities)) / len(qualities) - LOWEST_QUALITY
            yield Record(count, header, text, first, start, lines.end, round(mean, 2))


class _Lines:
    """Lines of a stream with their number, and their bytes [start, end)."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = self.start = self.end = 0

    def next(self) -> bytes | None:
        raw = self._stream.readline(MAX_FILE)
        if not raw:
            return None
        self.number += 1
        self.start, self.end = self.end, self.end + len(raw)
        return raw


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").strip()


def read_fasta(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a record of FASTA; its id is the first word of its header."""
    yield from _documents(file, options, fasta_records)


def read_fastq(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a record of FASTQ, with the mean of its qualities."""
    yield from _documents(file, options, fastq_records)


def _documents(file: SourceFile, options: ReadOptions, parse: _Parser) -> Iterator[ReadItem]:
    where = os.fspath(file.location)
    try:
        with open_stream(file) as stream:
            for found in parse(stream):
                if isinstance(found, Wrong):
                    yield Unreadable(where, found.error, found.line)
                    continue
                name, _, rest = found.header.partition(" ")
                meta: dict[str, Any] = {
                    "record": found.number,
                    "start": found.start,
                    "end": found.end,
                }
                if found.quality is not None:
                    meta["quality"] = found.quality
                yield sequence_document(
                    file, options, name, rest.strip(), found.residues, found.line, meta
                )
    except (OSError, EOFError) as e:
        yield Unreadable(where, refusal(e) if isinstance(e, OSError) else str(e))
