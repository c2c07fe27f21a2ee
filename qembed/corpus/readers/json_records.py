"""JSON lines to documents, one line at a time: a file of any size stays flat in memory.

A record is `{"_id" or "id", "text", "title"?, "metadata"?}`. Other fields become metadata, beside those of
the `metadata` object; where both have a key, the object's value stands, because there it was put on
purpose. A line that cannot be a record is yielded as Unreadable with its number, and the rest goes on.
"""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from qembed.corpus.decode import UTF16
from qembed.types import Document, Unreadable

MAX_LINE = 64 * 1024 * 1024
"""Bytes; a longer line is an error and is skipped without being held."""

_SKIP = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """The fields that hold a record's id, text and title; None: `_id` or `id`, `text`, `title`."""

    id_field: str | None = None
    text_field: str | None = None
    title_field: str | None = None


class _Wrong(ValueError):
    """What is wrong with one line; never leaves this file."""


def read_lines(
    stream: BinaryIO,
    name: str,
    options: ReadOptions,
    path: str | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[Document | Unreadable]:
    """The records of a stream of JSON lines in UTF-8; `name` makes the ids of records without one.

    `path` is what errors call the stream, `name` if not given. A byte order mark and blank lines are
    passed over. `Document.line` is the record's line, 1-based. `defaults`: fields of records that do not
    have them.
    """
    where = name if path is None else path
    number = 0
    try:
        while line := stream.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE and not line.endswith(b"\n"):
                _skip_line(stream)
                error = f"line longer than {MAX_LINE // 1024**2} MiB"
                yield Unreadable(where, error, number)
                continue
            if number == 1:
                if line.startswith(UTF16) or b"\0" in line:
                    yield Unreadable(where, "not JSON lines in UTF-8 (UTF-16 or a binary file)")
                    return
                line = line.removeprefix(codecs.BOM_UTF8)
            if line.isspace() or not line:
                continue
            try:
                record = _parse(line)
                if defaults:
                    record = {**defaults, **record}
                yield document(record, options, f"{name}#{number}", number)
            except _Wrong as e:
                yield Unreadable(where, str(e), number)
    except OSError as e:
        yield Unreadable(where, e.strerror or str(e), number + 1)


def _skip_line(stream: BinaryIO) -> None:
    while (rest := stream.readline(_SKIP)) and not rest.endswith(b"\n"):
        pass


def _parse(line: bytes) -> Mapping[str, Any]:
    """The object on a line. Raises _Wrong."""
    try:
        text = line.decode()
    except UnicodeDecodeError as e:
        raise _Wrong(f"not UTF-8: byte 0x{line[e.start]:02x} at byte {e.start + 1}") from None
    value = parse_value(text)
    if not isinstance(value, dict):
        raise _Wrong(f"not a record: {_kind(value)} where an object was expected")
    return value


def parse_value(text: str) -> Any:
    """What a JSON text says. Raises ValueError saying why it cannot be read."""
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as e:
        place = f"column {e.colno}" if e.lineno == 1 else f"line {e.lineno}, column {e.colno}"
        raise _Wrong(f"not JSON: {e.msg} at {place}") from None
    except RecursionError:
        raise _Wrong("not JSON that can be read: nested too deeply") from None
    except ValueError as e:  # _Wrong of the hooks below, and numbers of thousands of digits
        raise _Wrong(str(e).partition(";")[0]) from None
    if (
        "\\u" in text
    ):  # the only way in for half a character, which could be neither stored nor shown
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as e:
            half = ord(str(e.object)[e.start])
            raise _Wrong(f"not text: \\u{half:04x} is half a character") from None
    return value


def _refuse(constant: str) -> None:
    raise _Wrong(f"not JSON: {constant}")


def _number(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise _Wrong(f"not a number that can be kept: {digits[:40]}")
    return value


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_number)


def document(
    record: Mapping[str, Any], options: ReadOptions, default_id: str, line: int | None
) -> Document:
    """A record as a document. Raises ValueError saying what is wrong with it."""
    rest = dict(record)
    text = _text(rest, options.text_field or "text")
    title = rest.pop(options.title_field or "title", None)
    if title is None:
        title = ""
    elif not isinstance(title, str):
        raise _Wrong(f"{options.title_field or 'title'} is {_kind(title)}, not a string")
    name = _id(rest, options.id_field, default_id)
    own = rest.get("metadata")
    if isinstance(own, dict):
        del rest["metadata"]
        rest.update(own)
    elif own is None:
        rest.pop("metadata", None)
    return Document(name, text, title, rest, line)


def _text(rest: dict[str, Any], field: str) -> str:
    if field not in rest:
        raise _Wrong(f"no {field}" if field == "text" else f"no field {field!r}")
    text = rest.pop(field)
    if not isinstance(text, str):
        raise _Wrong(f"{field} is {_kind(text)}, not a string")
    return text


def _id(rest: dict[str, Any], field: str | None, default: str) -> str:
    """Takes the id out of the record. Whole numbers are written out; a named field has to be there."""
    if field is not None and field not in rest:
        raise _Wrong(f"no field {field!r}")
    key = field or ("_id" if "_id" in rest else "id")
    if key not in rest:
        return default
    value = rest.pop(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _Wrong(f"{key} is {_kind(value)}, not a string or a whole number")
    if not value.strip():
        raise _Wrong(f"{key} is empty")
    return value


def _kind(value: object) -> str:
    """What JSON calls a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "a list"
