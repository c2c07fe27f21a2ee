"""Files of JSON lines that a training reads: one value a line, all mistakes told by line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from qembed.errors import InputError, cannot_read

T = TypeVar("T")


def read_json_lines(path: Path, parse: Callable[[Any, int], T], what: str = "") -> list[T]:
    """Values of a file's lines, blank ones left out.

    `parse`: a line's JSON value and its number, from 1, to a value; it raises KeyError, TypeError or
    ValueError for a wrong one. `what`: name of the values where a file without any is a mistake. Raises
    InputError with all mistakes.
    """
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as e:
        raise cannot_read(path, e) from e
    except ValueError as e:
        raise InputError(f"cannot read {path}: {e}") from e
    found, problems = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            body = json.loads(line)
            if not isinstance(body, dict):
                raise TypeError("an object is wanted")
            found.append(parse(body, number))
        except KeyError as e:
            problems.append(f"{path}:{number}: {e.args[0]!r} is missing")
        except (ValueError, TypeError, AttributeError) as e:
            problems.append(f"{path}:{number}: {e}")
    if problems:
        raise InputError(f"{path} holds mistakes:", problems)
    if what and not found:
        raise InputError(f"{path} holds no {what}")
    return found


def words_of(body: Any, key: str) -> str:
    """Text of a key, not blank. Raises KeyError, TypeError."""
    if not isinstance(body, dict):
        raise TypeError(f"an object with {key!r} is wanted")
    value = body[key]
    if not isinstance(value, str) or not value.strip():
        raise TypeError(f"{key!r} must be a text")
    return value
