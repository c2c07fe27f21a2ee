"""Queries that were made for passages, and their file: JSON lines that can be edited and given back."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.outputs import whole_file
from qembed.training.json_lines import read_json_lines, words_of


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
    try:
        with (
            whole_file(path) as part,
            part.open("w", encoding="utf-8", errors="backslashreplace") as stream,
        ):
            stream.writelines(json.dumps(q.to_json(), ensure_ascii=False) + "\n" for q in made)
    except OSError as e:
        raise StorageError(f"{path} cannot be written: {refusal(e)}") from e


def read_made_queries(path: Path) -> list[MadeQuery]:
    """Read queries of `write_made_queries`, edited or not. Raises InputError with all mistakes, by line."""
    seen: set[str] = set()

    def parse(body: Any, number: int) -> MadeQuery:
        query = _parse(body, number)
        if query.id in seen:
            raise ValueError(f"query_id {query.id!r} is there already")
        seen.add(query.id)
        return query

    return read_json_lines(path, parse, "queries")


def _parse(body: Any, number: int) -> MadeQuery:
    positive = body["positive"]
    return MadeQuery(
        str(body.get("query_id", f"made-{number}")),
        words_of(body, "query"),
        words_of(positive, "id"),
        words_of(positive, "text"),
        str(body.get("kind", "given")),
    )


def without_words(text: str, query: str) -> str:
    """The text without the query's words where they stand in it as they are, and a heading's marks there."""
    words = query.split()
    if not words:
        return text
    pattern = r"(?:^[ \t]*#+[ \t]*)?" + r"\s+".join(map(re.escape, words))
    return re.sub(pattern, " ", text, flags=re.MULTILINE).strip()
