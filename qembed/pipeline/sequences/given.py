"""Sequences without a file name that tells their format: on stdin, in a pipe, in a file as `c17.txt`."""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from qembed.compression import SIGNATURE_BYTES, decompress, detect_codec
from qembed.errors import InputError, StorageError, UsageError, refusal
from qembed.types import Document, SourceFile, Unreadable

_GIVEN = "given"


def given_sequences(data: bytes, name: str, prefix: str = "") -> tuple[list[Document], list[str]]:
    """(sequences of bytes in any format that their content tells, or one bare one, what cannot be read).

    `name`: of the bytes, for messages. Ids are those of the records, else their numbers, behind `prefix#`.
    Raises InputError for packed bytes that cannot be unpacked, StorageError.
    """
    from qembed.corpus.readers.sequences.by_content import sequence_suffix

    data = _unpacked(data, name)
    suffix = sequence_suffix(data)
    if suffix is not None:
        documents, problems = _by_reader(data, f"{_GIVEN}{suffix}", name)
        behind = f"{prefix}#" if prefix else ""
        own = f"{_GIVEN}{suffix}#"
        return [replace(d, id=d.id.replace(own, behind, 1)) for d in documents], problems
    text = data.decode("utf-8-sig", "replace").strip()
    return ([Document("1", text)] if text else []), []


def sequences_by_content(file: SourceFile) -> tuple[list[Document], list[str]] | None:
    """Sequences of a file whose name tells no format, and problems; None unless its content tells one."""
    from qembed.corpus.file_contents import data
    from qembed.corpus.formats import format_of
    from qembed.corpus.readers.sequences.by_content import sequence_suffix

    if format_of(file.name) != "plain":
        return None
    found = data(file)
    if isinstance(found, Unreadable):
        return None
    where = os.fspath(file.location)
    if sequence_suffix(_unpacked(found, where)) is None:
        return None
    return given_sequences(found, where, file.name)


def refuse_sequences(stdin: BinaryIO) -> None:
    """Raise UsageError for sequences on a standard input that is read as JSON lines, before any is read."""
    from qembed.corpus.readers.sequences.by_content import NAMES, sequence_suffix

    head = stdin.peek(1) if isinstance(stdin, io.BufferedReader) else b""
    if (suffix := sequence_suffix(head)) is not None:
        raise UsageError(
            f"stdin is {NAMES[suffix]}, and - stands for JSON lines: write it to a file that ends in "
            f"{suffix}, and index that"
        )


def _by_reader(data: bytes, leaf: str, name: str) -> tuple[list[Document], list[str]]:
    """Read bytes as a file of the name `leaf` is read."""
    from qembed.corpus import ReadOptions, read

    documents: list[Document] = []
    problems: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="qembed-") as folder:
            path = Path(folder) / leaf
            path.write_bytes(data)
            for item in read(SourceFile("", leaf, os.fspath(path), len(data), 0), ReadOptions()):
                if isinstance(item, Document):
                    documents.append(item)
                elif isinstance(item, Unreadable):
                    where = name if item.line is None else f"{name}:{item.line}"
                    problems.append(f"{where}: {item.error}")
    except OSError as e:
        raise StorageError(f"{name}: cannot be kept while it is read: {refusal(e)}") from e
    return documents, problems


def _unpacked(data: bytes, name: str) -> bytes:
    from qembed.corpus.file_contents import MAX_FILE

    codec = detect_codec(data[:SIGNATURE_BYTES])
    if codec is None:
        return data
    try:
        with decompress(io.BytesIO(data), codec, MAX_FILE) as stream:
            return stream.read()
    except OSError as e:
        raise InputError(f"{name}: {refusal(e)}") from e
