"""Tables to records: CSV and TSV by row, JSON by element, Parquet by row.

A row with a field of text (`text`, or --text-field) is a record as in JSON lines. Of a table without one
each row is a document all the same, `column: value` a line, its columns in its metadata.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from qembed.corpus.decode import BINARY, UTF16, decode
from qembed.corpus.file_contents import open_stream, text
from qembed.corpus.readers.json_records import MAX_LINE, ReadOptions, document, parse_value
from qembed.types import Document, Skipped, SourceFile, Unreadable

MAX_COLUMNS = 10_000
_BATCH = 256
_COMMENT = re.compile(r"^\s*(?://|/\*)", re.M)


def row_document(
    row: Mapping[str, Any], options: ReadOptions, name: str, line: int | None
) -> Document:
    """A row as a document. Raises ValueError saying what is wrong with it."""
    if (options.text_field or "text") in row or options.text_field:
        return document(row, options, name, line)
    lines = (f"{k}: {_shown(v)}" for k, v in row.items() if v is not None and v != "")
    inner = ReadOptions(options.id_field, "\0text", options.title_field)
    return document({**row, "\0text": "\n".join(lines)}, inner, name, line)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# ── CSV and TSV ──────────────────────────────────────────────────────────────────────────────────


def read_csv(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """A document a row; the first row has the columns' names. Ids as in JSON lines.

    In UTF-8 a file of any size streams; other encodings are held whole.
    """
    where = os.fspath(file.location)
    try:
        with open_stream(file) as stream:
            lines = _lines(file, stream)
            if isinstance(lines, Unreadable):
                yield lines
                return
            yield from _rows(lines, file, options)
    except UnicodeDecodeError as e:
        yield Unreadable(where, f"not UTF-8: byte 0x{e.object[e.start]:02x}")
    except OSError as e:
        yield Unreadable(where, e.strerror or str(e))


def _lines(file: SourceFile, stream: BinaryIO) -> Iterator[str] | Unreadable:
    head = stream.peek(8192)[:8192] if isinstance(stream, io.BufferedReader) else b""
    if head.startswith(UTF16):
        return _held(file)
    if b"\0" in head:
        return Skipped(os.fspath(file.location), BINARY)
    sample = decode(head[: head.rfind(b"\n") + 1], "")
    if isinstance(sample, Unreadable):
        return _held(file)
    return _limited(stream)


def _held(file: SourceFile) -> Iterator[str] | Unreadable:
    found = text(file)
    return found if isinstance(found, Unreadable) else iter(io.StringIO(found.text, newline=""))


def _limited(stream: BinaryIO) -> Iterator[str]:
    """Lines of UTF-8, none of them longer than MAX_LINE. Raises OSError, UnicodeDecodeError."""
    first = True
    while line := stream.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise OSError(f"a line of more than {MAX_LINE // 1024**2} MiB")
        yield line.decode("utf-8-sig" if first else "utf-8")
        first = False


def _rows(
    lines: Iterator[str], file: SourceFile, options: ReadOptions
) -> Iterator[Document | Unreadable]:
    where = os.fspath(file.location)
    first = next(lines, "")
    if not first.strip():
        return
    mark = "\t" if ".tsv" in file.name.lower()[-8:] else max(",;\t", key=first.count)
    csv.field_size_limit(MAX_LINE)
    rows = csv.reader(_put_back(first, lines), delimiter=mark)
    names: list[str] = []
    before = 0
    while True:
        try:
            row = next(rows, None)
        except csv.Error as e:
            yield Unreadable(where, f"not CSV: {e}", rows.line_num)
            return
        if row is None:
            return
        line, before = before + 1, rows.line_num
        if not names:
            names = [n.strip() for n in row]
            if len(set(names)) < len(names) or len(names) > MAX_COLUMNS:
                yield Unreadable(where, "two columns of one name in its first row", line)
                return
        elif any(cell.strip() for cell in row):
            if len(row) > len(names):
                error = f"{len(row)} fields where there are {len(names)} columns"
                yield Unreadable(where, error, line)
                continue
            try:
                named = dict(zip(names, row, strict=False))
                yield row_document(named, options, f"{file.name}#{line}", line)
            except ValueError as e:
                yield Unreadable(where, str(e), line)


def _put_back(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def read_json(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """A list of records is a document a record, one record is one; any other JSON is text as it stands."""
    found = text(file)
    if isinstance(found, Unreadable):
        yield found
        return
    where = os.fspath(file.location)
    try:
        value = parse_value(found.text)
    except ValueError as e:
        if _COMMENT.search(found.text):  # settings of editors and compilers: not JSON, but text
            yield Document(file.name, found.text, meta=found.meta)
        else:
            yield Unreadable(where, str(e))
        return
    field = options.text_field or "text"
    records = value if isinstance(value, list) else [value]
    are_records = bool(records) and all(isinstance(r, dict) for r in records)
    if not are_records or not any(field in r for r in records):
        yield Document(file.name, found.text, meta=found.meta)
        return
    for n, record in enumerate(records, 1):
        name = f"{file.name}#{n}" if isinstance(value, list) else file.name
        try:
            yield document(record, options, name, None)
        except ValueError as e:
            yield Unreadable(where, f"record {n}: {e}")


# ── Parquet ──────────────────────────────────────────────────────────────────────────────────────


def read_parquet(file: SourceFile, options: ReadOptions) -> Iterator[Document | Unreadable]:
    """A document a row, batch by batch; ids of rows without one are `<file name>#<row>`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = os.fspath(file.location)
    n = 0
    try:
        with open_stream(file) as stream, pq.ParquetFile(stream, pre_buffer=False) as table:
            for batch in table.iter_batches(_BATCH, use_threads=False):
                for row in batch.to_pylist():
                    n += 1
                    try:
                        shown = json.dumps(row, ensure_ascii=False, default=_plain)
                        plain = json.loads(shown, parse_constant=_constant)
                        yield row_document(plain, options, f"{file.name}#{n}", None)
                    except (ValueError, TypeError) as e:
                        yield Unreadable(where, f"row {n}: {e}")
    except (pa.ArrowException, OSError, ValueError, MemoryError, UnicodeDecodeError) as e:
        yield Unreadable(where, f"not Parquet that can be read: {str(e).splitlines()[0][:200]}")


def _constant(name: str) -> None:
    """NaN stands in tables for what is missing; an infinity is refused, as in JSON lines."""
    if name != "NaN":
        raise ValueError(f"not a number that can be kept: {name}")


def _plain(value: Any) -> Any:
    """What JSON has no word for: times in ISO 8601, bytes and the rest as text."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
