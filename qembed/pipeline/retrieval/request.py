"""Queries from standard input: one a line, or JSON lines."""

from __future__ import annotations

import json
from typing import BinaryIO

from qembed.errors import InputError
from qembed.types import Query


def parse_queries(stream: BinaryIO, name: str = "-") -> list[Query]:
    """One query a line, numbered from 1, or JSON lines `{"_id", "text"}`, told apart by the first line.

    Raises InputError with all broken lines.
    """
    found: list[Query] = []
    problems: list[str] = []
    as_json: bool | None = None
    for n, raw in enumerate(stream, 1):
        try:
            line = raw.decode("utf-8-sig" if n == 1 else "utf-8").strip("\r\n")
        except UnicodeDecodeError as e:
            problems.append(f"{name}:{n}: not UTF-8 ({e.reason} at byte {e.start})")
            continue
        if not line.strip():
            continue
        if as_json is None:
            as_json = line.lstrip().startswith("{")
        if not as_json:
            found.append(Query(str(n), line))
            continue
        try:
            body = json.loads(line)
            text = body["text"]
            key = body.get("_id", body.get("id", n))
            own = body.get("task"), body.get("where")
            if not isinstance(text, str) or not all(isinstance(o, (str, type(None))) for o in own):
                raise TypeError
        except (ValueError, KeyError, TypeError, AttributeError):
            problems.append(
                f'{name}:{n}: not a JSON object with "text" (and "task" and "where", if there are any, '
                "as texts too)"
            )
            continue
        found.append(Query(str(key), text, *own))
    seen: dict[str, int] = {}
    for q in found:
        seen[q.id] = seen.get(q.id, 0) + 1
    problems += [f"{name}: query id {i!r} is given {n} times" for i, n in seen.items() if n > 1]
    if problems:
        raise InputError("queries that cannot be read:", problems)
    if not found:
        raise InputError(f"{name}: no queries there")
    return found
