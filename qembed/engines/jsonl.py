"""JSON Lines: one passage a line, with or without its vector."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.engines.new_file import check_new, new_file
from qembed.engines.passages import ExportContent, ExportedPassage, PassageBatch


def lines_of(batch: PassageBatch, vectors: bool) -> Iterator[str]:
    """Yield a batch's lines, without line ends."""
    for passage, vector in zip(batch.passages, batch.vectors, strict=True):
        one: dict[str, Any] = {
            "_id": passage.id,
            "document": passage.document,
            "passage": _place(passage),
            "title": passage.title,
            "text": passage.text,
            "metadata": passage.meta,
        }
        if vectors:
            one["vector"] = [float(str(x)) for x in vector]  # the shortest digits of each float32
        yield json.dumps(one, ensure_ascii=False, default=str)


def _place(passage: ExportedPassage) -> dict[str, int]:
    names = "seq", "start", "end", "line", "end_line"
    return {name: getattr(passage, name) for name in names}


@dataclass(frozen=True, slots=True)
class JsonLinesTarget:
    """File of JSON Lines."""

    path: Path
    vectors: bool = False
    force: bool = False

    def check(self) -> None:
        """Raise UsageError or StorageError for a path that cannot be written."""
        check_new(self.path, self.force)

    def write(self, content: ExportContent) -> str:
        """Write the file."""
        with new_file(self.path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            for batch in content.batches:
                file.writelines(f"{line}\n" for line in lines_of(batch, self.vectors))
        return str(self.path)
