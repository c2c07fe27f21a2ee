"""Names of a map's points and their colours: what the catalog has on their documents."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from qembed.pipeline.corpus_map.colors import (
    LABEL_WORDS,
    MOST_FIELDS,
    Color,
    categories,
    metadata_values,
    ramp,
    typed,
)
from qembed.pipeline.corpus_map.corpus_map import CLUSTER, SOURCE
from qembed.pipeline.source_options import STDIN

if TYPE_CHECKING:
    from qembed.pipeline.corpus_map.groups import Group
    from qembed.pipeline.corpus_map.points import Points
    from qembed.pipeline.retrieval.options import By
    from qembed.pipeline.retrieval.session import Session
    from qembed.store import CatalogEntry
    from qembed.types import Rows

BATCH = 4096
"""Documents whose catalog entries are read at a time."""
FOLDER = "folder"
SUFFIX = "suffix"
MODIFIED = "modified"
"""Colours of files beside SOURCE: first folders of paths, suffixes, and days of the last change."""
OF_FILES = (SOURCE, FOLDER, SUFFIX, MODIFIED)
DAY_NS = 86_400_000_000_000


class Named(NamedTuple):
    """Names and colours of points, as CorpusMap has them."""

    ids: list[str]
    titles: list[str]
    paths: list[str]
    path: Rows
    passages: Rows | None
    colors: list[Color]


def read_names(
    session: Session, points: Points, by: By, own: Rows, groups: Sequence[Group]
) -> Named:
    """Read the points' names, and colours of their groups, files and metadata. `own`: group of each."""
    import numpy as np

    catalog = session.snapshot.catalog
    documents, at = np.unique(points.positions, return_inverse=True)
    entries: list[CatalogEntry] = []
    for begin in range(0, len(documents), BATCH):
        entries += catalog.take(documents[begin : begin + BATCH])
    files = [_path(session, e) for e in entries]
    number = {f: n for n, f in enumerate(dict.fromkeys(f for f in files if f is not None))}
    path = np.array([-1 if f is None else number[f] for f in files], dtype=np.int64)
    passages = None
    if by == "passage":
        passages = points.first - np.array([e.first for e in entries], dtype=np.int64)[at]
    labels = [group_label(n, g) for n, g in enumerate(groups)]
    found = [*_of_files(entries), *_of_metadata(entries)]
    return Named(
        [entries[i].id for i in at.tolist()],
        [entries[i].title for i in at.tolist()],
        list(number),
        path[at],
        passages,
        [
            Color(CLUSTER, "category", own.astype(np.uint8), labels),
            *(Color(c.name, c.kind, c.bytes[at], c.labels, c.least, c.most) for c in found),
        ],
    )


def group_label(number: int, group: Group) -> str:
    """Name of a group by its first words; by its number where no word tells of it."""
    return ", ".join(group.words[:LABEL_WORDS]) or f"group {number + 1}"


def _path(session: Session, entry: CatalogEntry) -> str | None:
    """Path of a document's file, from the folder that holds the index where it is below that."""
    found = session.documents.path_of(entry.source, entry.file)
    return None if found is None else found.removeprefix(f"{session.root.parent}/")


def _of_files(entries: Sequence[CatalogEntry]) -> list[Color]:
    """Colours by source, by folder and by the day of the last change."""
    sources = ["standard input" if e.source == STDIN else e.source for e in entries]
    folders = [e.file.split("/")[0] if "/" in e.file else "." for e in entries]
    days = [abs(e.mtime_ns) / DAY_NS if e.mtime_ns else None for e in entries]
    made = [
        categories(SOURCE, sources),
        categories(FOLDER, folders),
        categories(SUFFIX, [PurePosixPath(e.file).suffix or None for e in entries]),
        ramp(MODIFIED, "date", days),
    ]
    return [c for c in made if c is not None]


def _of_metadata(entries: Sequence[CatalogEntry]) -> list[Color]:
    """Colours by the fields that most documents have and whose values tell documents apart."""
    columns = metadata_values(e.meta for e in entries)
    filled = {name: sum(v is not None for v in values) for name, values in columns.items()}
    made: list[Color] = []
    for name in sorted(columns, key=lambda n: (-filled[n], n)):
        if len(made) == MOST_FIELDS:
            break
        if (color := typed(name, columns[name])) is not None:
            made.append(color)
    return made
