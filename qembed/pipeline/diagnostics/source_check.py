"""Comparison of the sources' files with the digests of the documents that were made of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from qembed.errors import InputError, refusal
from qembed.inputs import is_there, sees_file
from qembed.pipeline.indexing.deletion.guard import is_guarded
from qembed.pipeline.indexing.deletion.losses import documents_by_source
from qembed.pipeline.indexing.pictures.on_pages import PicturesOnPages
from qembed.pipeline.indexing.pictures.options import reading_of
from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.source_content import compare_content, has_same_picture
from qembed.pipeline.source_options import STDIN, read_options
from qembed.store import Snapshot
from qembed.store.integrity import REFRESH, Finding
from qembed.types import SourceFile

VERIFY_CONTENT = "qembed index --verify-content"
Place: TypeAlias = tuple[str, str]
"""Name of a file inside its source, and its full path."""


def check_sources(snapshot: Snapshot) -> Iterator[Finding]:
    """Findings for sources and files that are gone, and for files that do not give their documents any more.

    A file of which some was not indexed, or whose format is not installed, is not compared; one in which a
    run was stopped may have more than was indexed.
    """
    catalog = snapshot.catalog.grouped()
    sources = {s.path: s for s in snapshot.manifest.sources if s.path != STDIN}
    places = {p: Path(os.path.normpath(snapshot.root.parent / p)) for p in sources}
    absent = {path for path, place in places.items() if _is_absent(place)}
    missing: dict[str, None] = {}
    gone: list[Place] = []
    unreadable: list[Place] = []
    changed: list[Place] = []
    recipe = snapshot.manifest.recipe
    pictures = reading_of(recipe, snapshot.manifest.settings)
    total, lost = documents_by_source(catalog.files()), Counter[str]()
    files: list[SourceFile] = []
    for (path, name), state in catalog.files().items():
        if path not in sources:
            continue
        if path in absent:
            missing[path] = None
            continue
        place = places[path]
        location = place if sees_file(place) else place / name
        try:
            info = location.stat()
        except (FileNotFoundError, NotADirectoryError):
            gone.append((name, str(location)))
            lost[path] += state.stop - state.start
            continue
        except OSError as e:
            unreadable.append((f"{name}: {refusal(e)}", f"{location}: {refusal(e)}"))
            continue
        times = info.st_mtime_ns, info.st_ctime_ns
        files.append(SourceFile(path, name, str(location), info.st_size, *times))
    pages = PicturesOnPages(snapshot.root)
    if pictures is not None:
        # a page without documents says what it said
        pages.read(sources.keys(), sources.keys(), lambda key: key not in catalog.files())
        files = pages.told(files, sources, catalog)
    shown_otherwise: set[Key] = set()
    for file in files:
        path, name, where = file.source, file.name, str(file.location)
        source, state = sources[path], catalog.files()[path, name]
        reading = read_options(source)._replace(pictures=pictures)
        compared = partial(
            compare_content, catalog, state, options=reading, meta=source.meta, recipe=recipe
        )
        found = compared(file=file)
        if not found.is_same and (path, name) in pages.changed:
            before = pages.as_before(file)
            if before is None:
                is_known = has_same_picture(catalog, state, file, reading, recipe)
            else:
                is_known = compared(file=before).is_same
            if is_known:
                shown_otherwise.add((path, name))
                continue
        if found.is_same or (found.error and state.mtime_ns <= 0):
            continue  # what some of a file failed for was told by the run
        if found.has_known and snapshot.manifest.unfinished and state.mtime_ns <= 0:
            continue  # the run was stopped in this file
        if found.error and not found.has_documents:
            unreadable.append((f"{name}: {found.error}", f"{where}: {found.error}"))
        elif found.has_documents and not found.error:
            changed.append((name, where))
            lost[path] += found.lost
    # documents of sources that are gone are --allow-missing's: no run asks about them
    known = sum(total[path] for path in sources if path not in missing)
    guarded = [is_guarded(lost.total(), known), *(is_guarded(n, total[p]) for p, n in lost.items())]
    sure = " --yes" if any(guarded) else ""
    back, allow = "", ""
    if missing:
        back = "bring the source that is gone back, or "
        allow = " --allow-missing"
        what = f"{_number(len(missing), 'source')} gone"
        paths = tuple(str(places[p]) for p in missing)
        mend = f"bring it back, or {REFRESH}{allow}{sure}"
        yield Finding("sources", what, mend, tuple(missing), paths)
    if gone:
        yield Finding(
            "sources",
            f"{_number(len(gone), 'file')} gone",
            f"{back}{REFRESH}{allow}{sure}",
            *_names(gone),
        )
    if unreadable:
        what = f"{_number(len(unreadable), 'file')} not readable any more"
        yield Finding("sources", what, f"{back}{VERIFY_CONTENT}{allow}", *_names(unreadable))
    if changed:
        what = "1 file has" if len(changed) == 1 else f"{len(changed):,} files have"
        what += " other content than when indexed"
        yield Finding("sources", what, f"{back}{VERIFY_CONTENT}{allow}{sure}", *_names(changed))
    if shown_otherwise:
        n = len(shown_otherwise)
        what = f"what pages say of {'1 picture' if n == 1 else f'{n:,} pictures'} has changed"
        told = {key: pages.altered_pages(key) for key in shown_otherwise}
        # a picture that no page has to answer for was not read by the run that noticed the change
        blamed = {page for key, found in told.items() for page in found or {key}}
        named = [(name, str(places[path] / name)) for path, name in sorted(blamed)]
        yield Finding("sources", what, f"{back}{REFRESH}{allow}{sure}", *_names(named))


def _names(found: Sequence[Place]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names inside sources, and paths, of the files of a finding."""
    return tuple(name for name, _ in found), tuple(path for _, path in found)


def _is_absent(place: Path) -> bool:
    """False also for a place that the system does not let us see: its files are then not readable."""
    try:
        return not is_there(place)
    except InputError:
        return False


def _number(n: int, noun: str) -> str:
    return f"1 {noun} is" if n == 1 else f"{n:,} {noun}s are"
