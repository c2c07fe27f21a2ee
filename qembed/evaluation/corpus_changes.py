"""Changes of the corpus between two reports: files that were added, changed, renamed or deleted, by name.

A report holds a short digest of each document (`contents`). Documents that are parts of one file count as
that file: by their name (`a.pdf#page=3`, `a.csv#12`), or because the report says so (`record_files`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
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
KINDS = ("added", "changed", "renamed", "deleted")


def contents_json(documents: Mapping[str, bytes] | None) -> dict[str, str] | None:
    """Map from document id to its short digest, by id; None for no index and above MAX_CONTENTS."""
    if documents is None or len(documents) > MAX_CONTENTS:
        return None
    return {name: documents[name].hex()[:DIGEST_HEX] for name in sorted(documents)}


def record_files_json(
    documents: Iterable[tuple[str, str, str]],
) -> dict[str, list[str]]:
    """Map from file to those of its documents that are not named by it, records with ids of their own.

    `documents`: (id, source, file) of each. A file name of several sources has its source in front.
    """
    found: dict[tuple[str, str], list[str]] = {}
    for name, source, file in documents:
        if not f"/{file_of(name)}".endswith(f"/{file}"):
            found.setdefault((source, file), []).append(name)
    often = Counter(file for _, file in found)
    return {
        (file if often[file] == 1 else f"{source}/{file}"): sorted(names)
        for (source, file), names in sorted(found.items())
    }


def file_of(document: str) -> str:
    """Id of the file that a document is a part of: without `#page=3`, `#12` and the like."""
    return _PART.sub("", document)


@dataclass(frozen=True, slots=True)
class CorpusChanges:
    """Files by what happened to them, each in order of name.

    `renamed`: new name by old name. `records`: what happened to documents that are not named by their file.
    """

    added: list[str]
    changed: list[str]
    deleted: list[str]
    renamed: Mapping[str, str] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(map(self.names, KINDS))

    def names(self, kind: str) -> list[str]:
        """List the files of one of KINDS, renamed ones as `old.md -> new.md`."""
        if kind == "renamed":
            return [f"{old} -> {new}" for old, new in self.renamed.items()]
        found: list[str] = getattr(self, kind)
        return found

    def kind_of(self, document: str) -> str:
        """Return one of KINDS for a document or a stretch of one, `renamed to new.md` for an old name.

        "" for documents that did not change, and for files under a new name.
        """
        for name in (document, file_of(document)):
            if name in self.records:
                return self.records[name]
            if name in self.renamed:
                return f"renamed to {self.renamed[name]}"
            for kind in ("added", "changed", "deleted"):
                if name in getattr(self, kind):
                    return kind
        return ""

    def describe(self) -> str:
        """Describe the changes in a line: `2 changed: a.md, b.md; 1 deleted: c.md`."""
        parts = []
        for kind in KINDS:
            if names := self.names(kind):
                rest = len(names) - FILES_NAMED
                more = f" and {rest:,} more" if rest > 0 else ""
                parts.append(f"{len(names):,} {kind}: {', '.join(names[:FILES_NAMED])}{more}")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """JSON object: for each kind the number of files (`counts`) and the first FILES_LISTED names."""
        lists = {kind: self.names(kind) for kind in KINDS}
        body: dict[str, Any] = {"counts": {kind: len(names) for kind, names in lists.items()}}
        body |= {kind: names[:FILES_LISTED] for kind, names in lists.items()}
        body["renamed"] = dict(list(self.renamed.items())[:FILES_LISTED])
        body["records"] = dict(list(self.records.items())[:FILES_LISTED])
        return body

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> CorpusChanges:
        """Read the form of `to_json`; names beyond those listed are lost."""
        added, changed, deleted = (list(body[kind]) for kind in ("added", "changed", "deleted"))
        parts = (dict(body.get(key) or {}) for key in ("renamed", "records"))
        return cls(added, changed, deleted, *parts)


def corpus_changes(
    then: Mapping[str, str] | None,
    now: Mapping[str, str] | None,
    record_files: Mapping[str, Sequence[str]] | None = None,
) -> CorpusChanges | None:
    """Compare the `contents` of two reports; None if one of them has none. `record_files`: of both."""
    if then is None or now is None:
        return None
    files = {name: file for file, names in (record_files or {}).items() for name in names}
    differ = [name for name in then.keys() & now.keys() if then[name] != now[name]]
    gone, new = then.keys() - now.keys(), now.keys() - then.keys()
    before, after, touched = (
        {files.get(name) or file_of(name) for name in names}
        for names in (then, now, [*differ, *gone, *new])
    )
    renamed = _renamed(touched - after, then, touched - before, now, files)
    stay = renamed.keys() | {*renamed.values()}
    kinds = {**dict.fromkeys(differ, "changed"), **dict.fromkeys(gone, "deleted")}
    kinds |= dict.fromkeys(new, "added")
    return CorpusChanges(
        sorted(touched - before - set(renamed.values())),
        sorted(touched & before & after),
        sorted(touched - after - renamed.keys()),
        renamed,
        {n: kinds[n] for n in sorted(kinds) if n in files and files[n] not in stay},
    )


def _renamed(
    gone: Set[str],
    then: Mapping[str, str],
    new: Set[str],
    now: Mapping[str, str],
    record_files: Mapping[str, str],
) -> dict[str, str]:
    """New name of each file that is gone, where exactly one new file has its content; by old name."""
    before = _files_by_content(gone, then, record_files)
    after = _files_by_content(new, now, record_files)
    pairs = ((old, after.get(content, [])) for content, old in before.items())
    return dict(sorted((old[0], found[0]) for old, found in pairs if len(old) == len(found) == 1))


def _files_by_content(
    files: Set[str], documents: Mapping[str, str], record_files: Mapping[str, str]
) -> dict[tuple[tuple[str, str], ...], list[str]]:
    """Files by the digests of their parts. `record_files`: file by document not named by it."""
    parts: dict[str, list[tuple[str, str]]] = {}
    for name, digest in documents.items():
        if (file := record_files.get(name) or file_of(name)) in files:
            parts.setdefault(file, []).append((name.removeprefix(file), digest))
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for file, own in parts.items():
        found.setdefault(tuple(sorted(own)), []).append(file)
    return found
