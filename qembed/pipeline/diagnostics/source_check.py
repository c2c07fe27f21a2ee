"""Comparison of the sources' files with the digests of the documents that were made of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from qembed.corpus import read
from qembed.pipeline.indexing.sources import STDIN, read_options
from qembed.store import Catalog, FileState, Snapshot, Source
from qembed.store.integrity import REFRESH, Finding
from qembed.types import Document, Skipped, SourceFile, Unreadable

VERIFY_CONTENT = "qembed index --verify-content"
ALLOW_MISSING = "bring it back, or qembed index --allow-missing"


def check_sources(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for sources and files that are gone, and for files that do not give their documents any more.

    A file of which some was not indexed, or whose format is not installed, is not compared.
    """
    catalog = snapshot.catalog.grouped()
    sources = {s.path: s for s in snapshot.manifest.sources if s.path != STDIN}
    places = {p: Path(os.path.normpath(snapshot.root.parent / p)) for p in sources}
    absent = {path for path, place in places.items() if not place.exists()}
    missing: dict[str, None] = {}
    gone, unreadable, changed = [], [], []
    for (path, name), state in catalog.files().items():
        source = sources.get(path)
        if source is None:
            continue
        if path in absent:
            missing[path] = None
            continue
        place = places[path]
        location = place if place.is_file() else place / name
        try:
            info = location.stat()
        except (FileNotFoundError, NotADirectoryError):
            gone.append(name)
            continue
        except OSError as e:
            unreadable.append(f"{name}: {e.strerror}")
            continue
        file = SourceFile(path, name, str(location), info.st_size, info.st_mtime_ns)
        found = _compare(catalog, state, file, source)
        if found == CHANGED:
            changed.append(name)
        elif found:
            unreadable.append(f"{name}: {found}")
    if missing:
        yield Finding(
            "sources", f"{_number(len(missing), 'source')} gone", ALLOW_MISSING, tuple(missing)
        )
    if gone:
        yield Finding("sources", f"{_number(len(gone), 'file')} gone", REFRESH, tuple(gone))
    if unreadable:
        what = f"{_number(len(unreadable), 'file')} not readable any more"
        yield Finding("sources", what, VERIFY_CONTENT, tuple(unreadable))
    if changed:
        what = "1 file has" if len(changed) == 1 else f"{len(changed):,} files have"
        what += " other content than when indexed"
        yield Finding("sources", what, VERIFY_CONTENT, tuple(changed))


CHANGED = "changed"


def _compare(catalog: Catalog, state: FileState, file: SourceFile, source: Source) -> str:
    """CHANGED for a file with other documents than it had, the error of one without any, else ""."""
    found: Counter[bytes] = Counter()
    error = ""
    is_whole = True
    for item in read(file, read_options(source)):
        if isinstance(item, Document):
            meta = {**source.meta, **item.meta}
            document = Document(item.id, item.text, item.title, meta, item.line, item.start)
            found[document.digest] += 1
        elif isinstance(item, Unreadable):
            is_whole = False
            error = error or ("" if isinstance(item, Skipped) and item.keep else item.error)
    if not is_whole:
        return error if state.mtime_ns and error and not found else ""
    known = Counter(catalog.digests(list(range(state.start, state.stop))))
    return CHANGED if found != known else ""


def _number(n: int, noun: str) -> str:
    return f"1 {noun} is" if n == 1 else f"{n:,} {noun}s are"
