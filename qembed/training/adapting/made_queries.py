"""Queries that were made for passages, and their file: JSON lines that can be edited and given back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import InputError, StorageError, cannot_read, refusal


@dataclass(frozen=True, slots=True)
class MadeQuery:
    """Query that was made for a passage of a document.

    `positive`: the passage with title and headings, without the words that the query was taken from. `kind`:
    how it was made. `row`: the passage in its index, None where a file does not say it.
    """

    id: str
    text: str
    document: str
    positive: str
    kind: str
    row: int | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON object of a line, as `train mine --pairs` reads it."""
        return {
            "query_id": self.id,
            "query": self.text,
            "positive": {"id": self.document, "text": self.positive},
            "kind": self.kind,
        }


def write_made_queries(made: Sequence[MadeQuery], path: Path) -> None:
    """Write the queries as JSON lines, whole or not at all. Raises StorageError."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.writelines(json.dumps(q.to_json(), ensure_ascii=False) + "\n" for q in made)
        partial.replace(path)
    except OSError as e:
        partial.unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {refusal(e)}") from e


def read_made_queries(path: Path) -> list[MadeQuery]:
    """Read queries of `write_made_queries`, edited or not. Raises InputError with all mistakes, by line."""
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as e:
        raise cannot_read(path, e) from e
    except ValueError as e:
        raise InputError(f"cannot read {path}: {e}") from e
    found: dict[str, MadeQuery] = {}
    problems = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            query = _parse(json.loads(line), number)
            if query.id in found:
                raise ValueError(f"query_id {query.id!r} is there already")
            found[query.id] = query
        except KeyError as e:
            problems.append(f"{path}:{number}: {e.args[0]!r} is missing")
        except (ValueError, TypeError) as e:
            problems.append(f"{path}:{number}: {e}")
    if problems:
        raise InputError(f"{path} holds mistakes:", problems)
    if not found:
        raise InputError(f"{path} holds no queries")
    return list(found.values())


def _parse(body: Any, number: int) -> MadeQuery:
    if not isinstance(body, dict) or not isinstance(body.get("positive", {}), dict):
        raise TypeError('an object with "query" and "positive": {"id", "text"} is wanted')
    positive = body["positive"]
    texts = {"query": body["query"], "id": positive["id"], "text": positive["text"]}
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise TypeError(f"{key!r} must be a text")
    return MadeQuery(
        str(body.get("query_id", f"made-{number}")),
        texts["query"],
        texts["id"],
        texts["text"],
        str(body.get("kind", "given")),
    )


def without_words(text: str, query: str) -> str:
    """The text without the query's words where they stand in it as they are, and a heading's marks there."""
    words = query.split()
    if not words:
        return text
    pattern = r"(?:^[ \t]*#+[ \t]*)?" + r"\s+".join(map(re.escape, words))
    return re.sub(pattern, " ", text, flags=re.MULTILINE).strip()
