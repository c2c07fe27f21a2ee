"""Columns of metadata keys in other engines: names and kinds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

KINDS = ("text", "real", "whole", "truth", "texts")
"""Kinds of values: texts, fractions, whole numbers, true or false, lists of texts."""
MAX_FIELDS = 32
"""Metadata with a column: Milvus takes 64 fields in all by default."""


@dataclass(frozen=True, slots=True)
class MetadataField:
    """Column of a metadata key. `kind`: one of KINDS."""

    key: str
    column: str
    kind: str


def make_fields(kinds: Mapping[str, str]) -> list[MetadataField]:
    """Columns for metadata keys, by their kinds, in order of the keys; the first MAX_FIELDS."""
    found: list[MetadataField] = []
    taken: set[str] = set()
    for key in sorted(kinds)[:MAX_FIELDS]:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", key)[:60]
        column, n = f"m_{plain}", 2
        while column.lower() in taken:  # some engines do not tell capitals
            column, n = f"m_{plain}_{n}", n + 1
        taken.add(column.lower())
        found.append(MetadataField(key, column, kinds[key]))
    return found
