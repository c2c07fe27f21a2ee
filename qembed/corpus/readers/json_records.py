"""JSON to documents: JSON lines one at a time, so that a file of any size stays flat in memory, and records.

A record is `{"_id" or "id", "text", "title"?, "metadata"?}`. Other fields become metadata, beside those of
the `metadata` object; where both have a key, the object's value stands, because there it was put on
purpose. A line that is no record is yielded as Unreadable with its number, and the rest goes on. NaN is
read as null; an infinite number is, too, with a warning.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from qembed.corpus.read_options import ReadOptions
from qembed.corpus.text_lines import MAX_LINE as MAX_LINE
from qembed.corpus.text_lines import TextLines
from qembed.errors import refusal
from qembed.types import Document, ReadItem, ReadWarning, Unreadable


class _Wrong(ValueError):
    """Reason why a line is no record; caught in this module or by the reader of a table."""


def read_lines(
    stream: BinaryIO,
    name: str,
    options: ReadOptions,
    path: str | None = None,
    defaults: Mapping[str, Any] | None = None,
) -> Iterator[ReadItem]:
    """Read the records of a stream of JSON lines; `name` makes the ids of records without one.

    `path` is what errors call the stream, `name` if not given. A byte order mark and blank lines are
    passed over. `Document.line` is the record's line, 1-based. `defaults`: fields of records that do not
    have them.
    """
    where = name if path is None else path
    lines = TextLines(stream, where, options.encoding, MAX_LINE, options.position)
    parser = JsonParser()
    number = 0
    try:
        for line in lines:
            number += 1
            if line is None:
                error = f"line longer than {MAX_LINE // 1024**2} MiB"
                yield Unreadable(where, error, number)
                continue
            if not line.strip():
                continue
            try:
                value = parser.parse(line.rstrip("\r\n"))
                if not isinstance(value, dict):
                    raise _Wrong(f"not a record: {_kind(value)} where an object was expected")
                record = {**defaults, **value} if defaults else value
                yield document(record, options, name, f"#{number}", number)
            except _Wrong as e:
                yield Unreadable(where, str(e), number)
            else:
                yield from parser.warnings(where, number)
    except OSError as e:
        yield Unreadable(where, refusal(e), number + 1)
    yield from lines.warnings
    if lines.unreadable is not None:
        yield lines.unreadable


class JsonParser:
    """Parser of JSON values as they can be kept: without NaN, infinite numbers and halves of characters."""

    def __init__(self) -> None:
        self._infinite: list[str] = []
        self._decoder = json.JSONDecoder(parse_constant=self._constant, parse_float=self._float)

    def parse(self, text: str) -> Any:
        """Parse one value. Raises ValueError saying why it cannot be read."""
        self._infinite.clear()
        try:
            value = self._decoder.decode(text)
        except json.JSONDecodeError as e:
            raise _Wrong(_reason(e)) from None
        except RecursionError:
            raise _Wrong("not JSON that can be read: nested too deeply") from None
        except ValueError as e:  # numbers of thousands of digits
            raise _Wrong(str(e).partition(";")[0]) from None
        return _checked(value, text)

    def parse_all(self, text: str) -> list[tuple[int, Any]]:
        """Parse values that stand one after another; (line, value) of each, 1-based. Raises ValueError."""
        self._infinite.clear()
        found: list[tuple[int, Any]] = []
        at = line = 0
        try:
            while True:
                begin, at = at, _after(" \t\r\n\x1e,", text, at)
                line += text.count("\n", begin, at)
                if at == len(text):
                    return found
                value, end = self._decoder.raw_decode(text, at)
                found.append((line + 1, _checked(value, text[at:end])))
                line += text.count("\n", at, end)
                at = end
        except json.JSONDecodeError as e:
            raise _Wrong(_reason(e)) from None
        except RecursionError:
            raise _Wrong("not JSON that can be read: nested too deeply") from None
        except ValueError as e:
            raise _Wrong(str(e).partition(";")[0]) from None

    @staticmethod
    def element_lines(text: str) -> list[int]:
        """Line of each element of a list that was parsed, 1-based; of another value its own line."""
        at = _after(" \t\r\n", text, 0)
        line = 1 + text.count("\n", 0, at)
        if not text.startswith("[", at):
            return [line]
        decoder = json.JSONDecoder()
        found: list[int] = []
        at += 1
        while not text.startswith("]", begin := _after(" \t\r\n,", text, at)):
            line += text.count("\n", at, begin)
            found.append(line)
            _, at = decoder.raw_decode(text, begin)
            line += text.count("\n", begin, at)
        return found

    def warnings(self, path: str, line: int | None) -> Iterator[ReadWarning]:
        """Warnings about the last value parsed."""
        for number in dict.fromkeys(self._infinite):
            yield ReadWarning(
                path, f"{number[:40]} is no number that can be kept: read as null", line
            )

    def _constant(self, name: str) -> None:
        if name != "NaN":
            self._infinite.append(name)

    def _float(self, digits: str) -> float | None:
        value = float(digits)
        if math.isinf(value):
            self._infinite.append(digits)
            return None
        return value


def _after(characters: str, text: str, at: int) -> int:
    """Offset of the first other character from `at` on."""
    while at < len(text) and text[at] in characters:
        at += 1
    return at


def _reason(error: json.JSONDecodeError) -> str:
    one = error.lineno == 1
    place = f"column {error.colno}" if one else f"line {error.lineno}, column {error.colno}"
    return f"not JSON: {error.msg} at {place}"


def _checked(value: Any, text: str) -> Any:
    """A value without halves of characters, for which an escape is the only way in. Raises _Wrong."""
    if "\\u" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as e:
            half = ord(str(e.object)[e.start])
            raise _Wrong(f"not text: \\u{half:04x} is half a character") from None
    return value


def document(
    record: Mapping[str, Any], options: ReadOptions, name: str, end: str, line: int | None
) -> Document:
    """Make a document of a record of the file `name`. Raises ValueError saying what is wrong with it.

    A record without an id is called `name` and `end`.
    """
    rest = dict(record)
    text = _text(rest, options.text_field or "text")
    title = rest.pop(options.title_field or "title", None)
    if title is None:
        title = ""
    elif not isinstance(title, str):
        raise _Wrong(f"{options.title_field or 'title'} is {_kind(title)}, not a string")
    own_id = _id(rest, options.id_field)
    if own_id is None:
        own_id = name + end
    elif options.id_prefix == "file":
        own_id = f"{name}#{own_id}"
    own = rest.get("metadata")
    if isinstance(own, dict):
        del rest["metadata"]
        rest.update(own)
    elif own is None:
        rest.pop("metadata", None)
    return Document(own_id, text, title, rest, line)


def _text(rest: dict[str, Any], field: str) -> str:
    if field not in rest:
        raise _Wrong(f"no {field}" if field == "text" else f"no field {field!r}")
    text = rest.pop(field)
    if not isinstance(text, str):
        raise _Wrong(f"{field} is {_kind(text)}, not a string")
    return text


def _id(rest: dict[str, Any], field: str | None) -> str | None:
    """Take the id out of a record. Whole numbers are written out; a named field has to be there."""
    if field is not None and field not in rest:
        raise _Wrong(f"no field {field!r}")
    key = field or ("_id" if "_id" in rest else "id")
    if key not in rest:
        return None
    value = rest.pop(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise _Wrong(f"{key} is {_kind(value)}, not a string or a whole number")
    if not value.strip():
        raise _Wrong(f"{key} is empty")
    return value


def _kind(value: object) -> str:
    """JSON's word for a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "an object" if isinstance(value, dict) else "a list"
