"""Changes of the corpus between two reports: files that were added, changed or deleted, by name.

A report holds a short digest of each document (`contents`). Documents that are parts of one file
(`a.pdf#page=3`, `a.csv#12`) count as that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MAX_CONTENTS = 50_000
"""Documents up to which a report holds their digests: some 50 bytes each."""
DIGEST_HEX = 8
"""Hexadecimal digits of a digest: of 2^32 changes one is missed."""
FILES_NAMED = 8
"""Files named of each kind in a sentence."""
FILES_LISTED = 200
"""Files listed of each kind in JSON."""

_PART = re.compile(r"#(?:(?:page|sheet|chapter)=.*|\d+(?:-\d+)?)\Z", re.S)
KINDS = ("added", "changed", "deleted")


def contents_json(documents: Mapping[str, bytes] | None) -> dict[str, str] | None:
    """Map from document id to its short digest, by id; None for no index and above MAX_CONTENTS."""
    if documents is None or len(documents) > MAX_CONTENTS:
        return None
    return {name: documents[name].hex()[:DIGEST_HEX] for name in sorted(documents)}


def file_of(document: str) -> str:
    """Id of the file that a document is a part of: without `#page=3`, `#12` and the like."""
    return _PART.sub("", document)


@dataclass(frozen=True, slots=True)
class CorpusChanges:
    """Files by what happened to them, each in order of name."""

    added: list[str]
    changed: list[str]
    deleted: list[str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.deleted)

    def kind_of(self, document: str) -> str:
        """Return "added", "changed" or "deleted" for a document or a stretch of one; "" for others."""
        for kind in KINDS:
            names = getattr(self, kind)
            if document in names or file_of(document) in names:
                return kind
        return ""

    def describe(self) -> str:
        """Describe the changes in a line: `2 changed: a.md, b.md; 1 deleted: c.md`."""
        parts = []
        for kind in KINDS:
            names: list[str] = getattr(self, kind)
            if names:
                rest = len(names) - FILES_NAMED
                more = f" and {rest:,} more" if rest > 0 else ""
                parts.append(f"{len(names):,} {kind}: {', '.join(names[:FILES_NAMED])}{more}")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """JSON object: for each kind the number of files (`counts`) and the first FILES_LISTED names."""
        lists: dict[str, list[str]] = {kind: getattr(self, kind) for kind in KINDS}
        return {
            "counts": {kind: len(names) for kind, names in lists.items()},
            **{kind: names[:FILES_LISTED] for kind, names in lists.items()},
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CorpusChanges:
        """Read the form of `to_json`; names beyond those listed are lost."""
        return cls(*(list(body[kind]) for kind in KINDS))


def corpus_changes(
    then: Mapping[str, str] | None, now: Mapping[str, str] | None
) -> CorpusChanges | None:
    """Compare the `contents` of two reports; None if one of them has none."""
    if then is None or now is None:
        return None
    differ = [name for name in then.keys() & now.keys() if then[name] != now[name]]
    gone, new = then.keys() - now.keys(), now.keys() - then.keys()
    before, after = _files(then), _files(now)
    touched = _files([*differ, *gone, *new])
    return CorpusChanges(
        sorted(touched - before),
        sorted(touched & before & after),
        sorted(touched - after),
    )


def _files(documents: Iterable[str]) -> set[str]:
    return {file_of(name) for name in documents}
