"""PostgreSQL with pgvector: a script for psql, which fills a table in one transaction.

Rows are in COPY's text format, a line each: columns divided by tabs, `\\N` for a missing value; a backslash
before what would be read otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.engines.address import check_name
from qembed.engines.fields import MetadataField
from qembed.engines.new_file import check_new, new_file
from qembed.engines.passages import TEXTS, WHOLE, ExportContent, ExportedPassage

MAX_INDEXED = 2000
"""Dimensions up to which pgvector makes a graph."""
_TYPES = {
    "text": "text",
    "real": "double precision",
    "whole": "bigint",
    "truth": "boolean",
    "texts": "text[]",
}
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
)


@dataclass(frozen=True, slots=True)
class PgvectorTarget:
    """SQL script at `path` for a table `name`. The table is replaced where there is one."""

    path: Path
    name: str
    force: bool = False

    def check(self) -> None:
        """Raise UsageError or StorageError for a path that cannot be written."""
        check_name(self.name)
        check_new(self.path, self.force)

    def write(self, content: ExportContent) -> str:
        """Write the script."""
        with new_file(self.path) as part, part.open("w", encoding="utf-8", newline="\n") as file:
            file.write(_head(self.name, content.fields, content.dim))
            for batch in content.batches:
                for passage, vector in zip(batch.passages, batch.vectors, strict=True):
                    file.write("\t".join(_cells(passage, vector, content.fields)) + "\n")
            file.write(_end(self.name, content.dim))
        return str(self.path)


def _head(name: str, fields: Sequence[MetadataField], dim: int) -> str:
    columns = [
        *(f'"{c}" bigint{" PRIMARY KEY" if c == "row" else ""}' for c in WHOLE),
        *(f'"{c}" text' for c in TEXTS),
        '"meta" jsonb',
        *(f'"{f.column}" {_TYPES[f.kind]}' for f in fields),
        f'"vector" vector({dim})',
    ]
    named = [*WHOLE, *TEXTS, "meta", *(f.column for f in fields), "vector"]
    quoted = ", ".join(f'"{c}"' for c in named)
    return "\n".join(
        (
            "\\set ON_ERROR_STOP on",
            "CREATE EXTENSION IF NOT EXISTS vector;",
            "BEGIN;",
            f'DROP TABLE IF EXISTS "{name}";',
            f'CREATE TABLE "{name}" (\n  ' + ",\n  ".join(columns) + "\n);",
            f'COPY "{name}" ({quoted}) FROM STDIN;\n',
        )
    )


def _end(name: str, dim: int) -> str:
    graph = f'CREATE INDEX ON "{name}" USING hnsw ("vector" vector_ip_ops);\n'
    return f"\\.\n{graph if dim <= MAX_INDEXED else ''}COMMIT;\n"


def _cells(passage: ExportedPassage, vector: Any, fields: Sequence[MetadataField]) -> Iterator[str]:
    """Yield the cells of a row as COPY reads them."""
    yield from (str(getattr(passage, c)) for c in WHOLE)
    yield from (_text(getattr(passage, c)) for c in TEXTS)
    # a NUL is no character of a text or of jsonb there
    meta = json.dumps(dict(passage.meta), ensure_ascii=False, default=str)
    yield _text(meta.replace("\\u0000", "\\ufffd"))
    yield from (_cell(passage.fields[f.column]) for f in fields)
    yield "[" + ",".join(map(str, vector)) + "]"


def _cell(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, list):
        quoted = ('"' + str(v).replace("\\", "\\\\").replace('"', '\\"') + '"' for v in value)
        return _text("{" + ",".join(quoted) + "}")
    return _text(value) if isinstance(value, str) else repr(value)


def _text(value: str) -> str:
    return value.replace("\x00", "\ufffd").translate(_ESCAPES)
