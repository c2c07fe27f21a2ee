"""JSON with line numbers: one record a line, one array of records, or one object; keys and ids.

A key that one object holds twice is a mistake, where `json` silently keeps the last. Lines that are
comments are skipped.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from qembed.evaluation.formats.column_names import Role, find_names
from qembed.evaluation.formats.source_file import ProblemList, Source, is_comment


class DuplicateKey(ValueError):
    """A key that one JSON object holds twice."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Object of its pairs, for `json` as `object_pairs_hook`. Raises DuplicateKey."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKey(f'"{key}" is there twice')
            seen.add(key)
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=unique_keys)
_SPACE = re.compile(r"[ \t\r\n]*")


def parse_json(text: str) -> Any:
    """One JSON value; ValueError with a short reason, also for a key that an object holds twice."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as e:
        where = f"line {e.lineno}, " if "\n" in text else ""
        raise ValueError(f"not JSON ({e.msg} at {where}column {e.colno})") from e
    except RecursionError as e:
        raise ValueError("JSON nested too deeply") from e


def looks_like_json(source: Source) -> bool:
    """True if the file begins as JSON does; an id in the first column may begin with { or [ too."""
    return re.match(r'\[\s*($|\{|\]\s*$)|\{\s*($|"|\}\s*$)', source.head) is not None


def json_object(source: Source, mistakes: ProblemList) -> dict[str, Any] | None:
    """The file as one JSON object; None if it is an array or lines of records.

    A broken file counts as JSON lines, whose reader reports each line, if its first line is whole
    or a later line begins a record; else the mistake is added here and {} returned.
    """
    if not source.head.startswith("{"):
        return None
    text = json_text(source, mistakes)
    if text is None:
        return {}
    try:
        value = parse_json(text)
    except ValueError as e:
        begun = sum(1 for _ in re.finditer(r'^[ \t]*\{[ \t]*"', text, re.M))
        if begun > 1 or _is_json(source.head):
            return None
        mistakes.add(getattr(e.__cause__, "lineno", 1), str(e))
        return {}
    return value if isinstance(value, dict) else None


def json_text(source: Source, mistakes: ProblemList) -> str | None:
    """The file with comments above the JSON blanked; None after adding lines that are not UTF-8."""
    text = source.text(mistakes)
    if text is None:
        return None
    above = re.match(r"(?:[ \t]*(?:#+(?: [^\n]*)?)?\r?\n)+", text)
    return text if above is None else "\n" * above[0].count("\n") + text[above.end() :]


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def records(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line, object) of a file of JSON lines or of one JSON array of objects."""
    if source.head.startswith("["):
        text = json_text(source, mistakes)
        pairs = iter(()) if text is None else json_elements(text, text.index("["), mistakes)
    else:
        pairs = _lines(source, mistakes)
    yield from objects(pairs, mistakes)


def objects(
    pairs: Iterator[tuple[int, Any]], mistakes: ProblemList
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The (line, value) pairs whose value is an object; others are added to `mistakes`."""
    for line, value in pairs:
        if isinstance(value, dict):
            yield line, value
        else:
            mistakes.add(line, f"expected a JSON object, found {json_kind(value)}")


def _lines(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Any]]:
    for number, line in source.lines(mistakes):
        if is_comment(line):
            continue
        try:
            yield number, parse_json(line)
        except ValueError as e:
            mistakes.add(number, str(e))


class _LineCounter:
    """Line numbers of growing positions in a text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line, self._counted = 1, 0

    def at(self, position: int) -> int:
        """1-based line of a position, which is not before the last one asked for."""
        self._line += self._text.count("\n", self._counted, position)
        self._counted = position
        return self._line


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def json_elements(
    text: str, start: int, mistakes: ProblemList, whole: bool = True
) -> Iterator[tuple[int, Any]]:
    """(line, value) of the array that begins at `start`: json.loads would not tell the lines.

    `whole`: nothing may come after the array.
    """
    lines = _LineCounter(text)
    at = _skip_space(text, start + 1)
    first = True
    while not (first and text[at : at + 1] == "]"):
        line = lines.at(at)
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as e:
            mistakes.add(e.lineno, f"not JSON ({e.msg} at column {e.colno})")
            return
        except (ValueError, RecursionError) as e:
            mistakes.add(line, str(e))
            return
        yield line, value
        first = False
        at = _skip_space(text, at)
        if text[at : at + 1] != ",":
            break
        at = _skip_space(text, at + 1)
    if text[at : at + 1] != "]":
        mistakes.add(lines.at(at), "not JSON (the array is not closed by ])")
    elif whole and text[at + 1 :].strip():
        mistakes.add(lines.at(at), "there is more after the end of the JSON array")


def json_members(text: str, start: int = 0) -> Iterator[tuple[int, str, int, Any]]:
    """(line, key, position of the value, value) of the valid JSON object after `start`."""
    lines = _LineCounter(text)
    at = _skip_space(text, text.index("{", start) + 1)
    while text[at : at + 1] == '"':
        line = lines.at(at)
        key, at = _DECODER.raw_decode(text, at)
        place = _skip_space(text, _skip_space(text, at) + 1)
        value, at = _DECODER.raw_decode(text, place)
        yield line, key, place, value
        at = _skip_space(text, at)
        at = _skip_space(text, at + 1) if text[at : at + 1] == "," else len(text)


def json_kind(value: Any) -> str:
    """Kind of a JSON value in words, for messages."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
    }
    return "nothing" if value is None else kinds.get(type(value), "an object")


def pick(record: dict[str, Any], *roles: Role) -> list[Any]:
    """The record's value for each role, None for a role without a key. Raises AmbiguousNames."""
    keys = tuple(record)
    return [None if at is None else record[keys[at]] for at in find_names(keys, roles)]


def identifier(value: Any) -> str | None:
    """An id as text, from a text or a whole number; None if it cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() and is_text(value) else None


def is_text(value: str) -> bool:
    """True if the text can be written as UTF-8 (JSON's lone surrogates cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
