"""Clusters of duplicates in the formats of `qembed duplicates`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from qembed.cli.console import counted, dumps
from qembed.cli.render.hits import safe
from qembed.cli.render.places import current_folder, shell_word
from qembed.pipeline.retrieval.documents.duplicates import Duplicates, Member, cluster_json

SHOWN = 100
"""Characters of a passage in text."""
_CELL = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\"})


def show_duplicates(found: Duplicates, format: str) -> None:
    """Write the clusters to stdout. `format`: text, json, jsonl or tsv."""
    if format == "json":
        sys.stdout.write(dumps(found.to_json()) + "\n")
        return
    for line in _LINES[format](found):
        sys.stdout.write(line + "\n")


def summary(found: Duplicates) -> str:
    """Line on what was found, for stderr."""
    unit = found.request.by
    compared = counted(found.total, unit)
    if not found.clusters:
        return f"no duplicates among {compared}"
    return (
        f"{counted(found.surplus, f'duplicate {unit}')} of {compared}, "
        f"in {counted(len(found.clusters), 'cluster')}"
    )


def _text(found: Duplicates) -> Iterator[str]:
    folder = str(current_folder())
    for number, members in enumerate(found.clusters, 1):
        if number > 1:
            yield ""
        for m in members:
            mark = " " * 5 if m is members[0] else "  =  " if m.is_copy else f"{m.score:.3f}"
            place = _place(m, folder)
            place = safe(place) if m.path is None else shell_word(place)
            yield f"{mark}  {place}" + (f"  {safe(m.title)}" if m.title else "")
        if (passage := members[0].passage) is not None:
            text = " ".join(passage.text.split())
            yield f"       {safe(text[:SHOWN])}{'…' if len(text) > SHOWN else ''}"


def _place(member: Member, folder: str) -> str:
    """Path of a member's file from the current folder, its part and its line; its id without a file."""
    if member.path is None:
        place = member.document
    else:
        inside = member.path.startswith(folder + "/") and len(folder) > 1
        place = member.path[len(folder) + 1 :] if inside else member.path
        place += f"#{member.fragment}" if member.fragment else ""
    if member.line is not None:
        return f"{place}:{member.line}"
    return place if member.passage is None else f"{place} (passage {member.passage.seq})"


def _jsonl(found: Duplicates) -> Iterator[str]:
    for number, members in enumerate(found.clusters, 1):
        yield dumps({"schema": 1, **cluster_json(number, members)})


def _tsv(found: Duplicates) -> Iterator[str]:
    """Cluster, score, `first`, `copy` or `near`, document, passage, line."""
    for number, members in enumerate(found.clusters, 1):
        for m in members:
            kind = "first" if m is members[0] else "copy" if m.is_copy else "near"
            yield _row(number, kind, m)


def _row(number: int, kind: str, m: Member) -> str:
    cells: Sequence[object] = (
        number,
        f"{m.score:.6f}",
        kind,
        m.document,
        "" if m.passage is None else m.passage.seq,
        "" if m.line is None else m.line,
    )
    return "\t".join(str(c).translate(_CELL) for c in cells)


_LINES = {"text": _text, "jsonl": _jsonl, "tsv": _tsv}
