"""Rows and elements to records: JSON by element, Parquet by row; CSV and TSV are in `delimited`.

A row with a field of text (`text`, or --text-field) is a record as in JSON lines. Of a table without one
each row is a document all the same, `column: value` a line, its columns in its metadata.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from qembed.corpus.file_contents import Text, open_stream, text
from qembed.corpus.read_options import ReadOptions
from qembed.corpus.readers.json_records import JsonParser, document, read_lines
from qembed.corpus.text_lines import TextLines
from qembed.errors import refusal
from qembed.types import Document, ReadItem, SourceFile, Unreadable

_BATCH = 256
_COMMENT = re.compile(r"^\s*(?://|/\*)", re.M)


def row_document(
    row: Mapping[str, Any],
    options: ReadOptions,
    name: str,
    end: str,
    line: int | None,
    shown: Mapping[str, Any] | None = None,
) -> Document:
    """Make a document of a row of the file `name`. Raises ValueError saying what is wrong with it.

    `shown`: the values as its text shows them, if not as in `row`. A row without an id is called `name`
    and `end`.
    """
    if (options.text_field or "text") in row or options.text_field:
        return document(row, options, name, end, line)
    values = row if shown is None else shown
    lines = (f"{k}: {_shown(v)}" for k, v in values.items() if v is not None and v != "")
    inner = options._replace(text_field="\0text")
    return document({**row, "\0text": "\n".join(lines)}, inner, name, end, line)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def read_jsonl(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a line; ids of records without one are `<file name>#<line>`.

    A file whose first line is no record by itself may hold a list of records, or records in many lines.
    """
    where = os.fspath(file.location)
    try:
        if _first_records(file, options, 1) is None:
            found = text(file, options.encoding)
            records = None if isinstance(found, Unreadable) else _records(found.text)
            if isinstance(found, Text) and records is not None and records.values:
                yield from _documents(records, file, options)
                yield from found.warnings
                return
        with open_stream(file, options.position) as stream:
            yield from read_lines(stream, file.name, options, where)
    except OSError as e:
        yield Unreadable(where, refusal(e))


def read_json(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a list of records, one record, or one after another; any other JSON is text as it stands."""
    where = os.fspath(file.location)
    field = options.text_field or "text"
    try:
        first = _first_records(file, options, 100)
    except OSError as e:
        yield Unreadable(where, refusal(e))
        return
    if first is not None and len(first) > 1 and any(field in record for record in first):
        yield from read_jsonl(file, options)
        return
    found = text(file, options.encoding)
    if isinstance(found, Unreadable):
        yield found
        return
    records = _records(found.text)
    if records is None and not _COMMENT.search(found.text):
        yield Unreadable(where, _error(found.text))
        return
    if records is None or not any(field in record for _, record in records.values):
        # settings of editors and compilers have comments, and are text
        yield Document(file.name, found.text, meta=found.meta)
    else:
        yield from _documents(records, file, options)
    yield from found.warnings


def _first_records(
    file: SourceFile, options: ReadOptions, most: int
) -> list[dict[str, Any]] | None:
    """The records of the first lines, up to `most`; None if one of them is not in a line. Raises OSError."""
    parser = JsonParser()
    found: list[dict[str, Any]] = []
    with open_stream(file) as stream:
        for line in TextLines(stream, "", options.encoding):
            try:
                value = parser.parse(line) if line and line.strip() else None
            except ValueError:
                return found or None
            if isinstance(value, dict):
                found.append(value)
            elif line is None or line.strip():
                return found or None
            if len(found) == most:
                break
    return found or None


class _Records(NamedTuple):
    """Records with their lines, 1-based.

    `is_one`: the file is one record. `is_list`: it is a list, whose records are named by their position.
    """

    values: list[tuple[int, dict[str, Any]]]
    is_one: bool
    is_list: bool
    parser: JsonParser


def _records(text: str) -> _Records | None:
    """The records of a text, none of them if it is other JSON; None if it is no JSON."""
    parser = JsonParser()
    try:
        value = parser.parse(text)
    except ValueError:
        try:
            found = parser.parse_all(text)
        except ValueError:
            return None
        are_records = all(isinstance(v, dict) for _, v in found)
        return _Records(found if are_records else [], False, False, parser)
    is_list = isinstance(value, list)
    values = value if is_list else [value]
    if not all(isinstance(v, dict) for v in values):
        return _Records([], not is_list, is_list, parser)
    lines = parser.element_lines(text)
    return _Records(list(zip(lines, values, strict=True)), not is_list, is_list, parser)


def _error(text: str) -> str:
    try:
        JsonParser().parse(text)
    except ValueError as e:
        return str(e)
    return "not JSON"


def _documents(records: _Records, file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    where = os.fspath(file.location)
    for n, (line, record) in enumerate(records.values, 1):
        options.at(n, len(records.values))
        end = "" if records.is_one else f"#{n if records.is_list else line}"
        try:
            yield document(record, options, file.name, end, line)
        except ValueError as e:
            yield Unreadable(where, f"record {n}: {e}" if records.is_list else str(e), line)
    yield from records.parser.warnings(where, None)


# ── Parquet ──────────────────────────────────────────────────────────────────────────────────────


def read_parquet(file: SourceFile, options: ReadOptions) -> Iterator[ReadItem]:
    """Read a document a row, batch by batch; ids of rows without one are `<file name>#<row>`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    where = os.fspath(file.location)
    parser = JsonParser()
    n = 0
    try:
        with open_stream(file) as stream, pq.ParquetFile(stream, pre_buffer=False) as table:
            for batch in table.iter_batches(_BATCH, use_threads=False):
                for row in batch.to_pylist():
                    n += 1
                    options.at(n, table.metadata.num_rows)
                    try:
                        shown = json.dumps(row, ensure_ascii=False, default=_plain)
                        plain = parser.parse(shown)
                        yield row_document(plain, options, file.name, f"#{n}", None)
                        yield from parser.warnings(where, n)
                    except (ValueError, TypeError) as e:
                        yield Unreadable(where, f"row {n}: {e}")
    except (pa.ArrowException, OSError, ValueError, MemoryError, UnicodeDecodeError) as e:
        yield Unreadable(where, f"not Parquet that can be read: {str(e).splitlines()[0][:200]}")


def _plain(value: Any) -> Any:
    """Value that JSON has no word for as text: times in ISO 8601, bytes decoded."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
