"""JSON with line numbers: one record a line, an array of records, or one object; keys and ids of records.

A key that one object holds twice is a mistake; `json` would silently keep the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from qembed.evaluation.formats.source_file import ProblemList, Source


class DuplicateKey(ValueError):
    """One JSON object holds a key twice."""


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its pairs. Raises DuplicateKey."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKey(f'"{key}" is there twice')
            seen.add(key)
    return values


def parse_json(text: str) -> Any:
    """Parse one JSON value. Raises ValueError with a short reason, also for duplicate keys."""
    try:
        return json.loads(text, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as e:
        where = f"line {e.lineno}, " if "\n" in text else ""
        raise ValueError(f"not JSON ({e.msg} at {where}column {e.colno})") from e
    except RecursionError as e:
        raise ValueError("JSON nested too deeply") from e


def looks_like_json(source: Source) -> bool:
    """Return True if the file begins like JSON; an id in the first column may begin with { or [ too."""
    return re.match(r'\[\s*($|\{|\]\s*$)|\{\s*($|"|\}\s*$)', source.head) is not None


def json_object(source: Source, mistakes: ProblemList) -> dict[str, Any] | None:
    """Parse the file as one JSON object; None if it is an array or lines of records.

    A broken file counts as JSON lines, whose reader reports each line, if its first line is complete or a
    later line begins a record; else the mistake is added and {} returned.
    """
    if not source.head.startswith("{"):
        return None
    text = source.text(mistakes)
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


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def records(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line, object) of a file of JSON lines or of one JSON array of objects."""
    pairs = _array(source, mistakes) if source.head.startswith("[") else _lines(source, mistakes)
    for line, value in pairs:
        if isinstance(value, dict):
            yield line, value
        else:
            mistakes.add(line, f"expected a JSON object, found {json_kind(value)}")


def _lines(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Any]]:
    for number, line in source.lines(mistakes):
        try:
            yield number, parse_json(line)
        except ValueError as e:
            mistakes.add(number, str(e))


def _array(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Any]]:
    """Yield (line, element), parsed one by one: json.loads does not tell where each begins."""
    text = source.text(mistakes)
    if text is None:
        return
    decoder = json.JSONDecoder(object_pairs_hook=_unique_keys)
    space = re.compile(r"[ \t\r\n]*")

    def skip(at: int) -> int:
        found = space.match(text, at)
        return found.end() if found else at

    at = skip(text.index("[") + 1)
    line, counted = 1 + text.count("\n", 0, at), at
    first = True
    while True:
        line, counted = line + text.count("\n", counted, at), at
        if text[at : at + 1] == "]" and first:
            break
        try:
            value, at = decoder.raw_decode(text, at)
        except json.JSONDecodeError as e:
            mistakes.add(e.lineno, f"not JSON ({e.msg} at column {e.colno})")
            return
        except (ValueError, RecursionError) as e:
            mistakes.add(line, str(e))
            return
        yield line, value
        first = False
        at = skip(at)
        if text[at : at + 1] != ",":
            break
        at = skip(at + 1)
    line += text.count("\n", counted, at)
    if text[at : at + 1] != "]":
        mistakes.add(line, "not JSON (the array is not closed by ])")
    elif text[at + 1 :].strip():
        mistakes.add(line, "there is more after the end of the JSON array")


def json_kind(value: Any) -> str:
    """Name a JSON value's kind, for messages."""
    kinds = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "a text",
        list: "a list",
    }
    return "nothing" if value is None else kinds.get(type(value), "an object")


def pick(record: dict[str, Any], names: Sequence[str]) -> Any:
    """Return the value of the first of `names` that the record has, None without one.

    `query_id`, `query-id` and `Query ID` are one name; `names` are as `plain_name` returns them.
    """
    plain = {plain_name(key): value for key, value in reversed(record.items())}
    return next((plain[name] for name in names if name in plain), None)


def plain_name(name: str) -> str:
    """Normalise a column's or key's name: lower case, dashes for spaces and inner underscores."""
    return re.sub(r"(?<!^)[ _]", "-", name.strip().lstrip("#").lower())


def identifier(value: Any) -> str | None:
    """Convert a text or a whole number to an id; None if it cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() and is_text(value) else None


def is_text(value: str) -> bool:
    """Return True if the text can be written as UTF-8 (JSON's lone surrogates cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
