"""Changes of an index's sources, as the system tells of them: what `qembed watch` waits for.

Folders are watched by watchfiles. Files by their state once a second, as an editor's new file takes the place
of the old one, which alone would be watched. So are sources that are not there: one that comes back is a
change.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.inputs import sees_folder
from qembed.paths import INDEX_FOLDER
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.project.defaults import option_defaults
from qembed.pipeline.project.project_file import find_project
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.source_options import FILTERS, SIZE, STDIN, parse_size
from qembed.store import Source
from qembed.store import manifest as manifests

POLL_SECONDS = 1.0
"""Time between two looks at files and at sources that are not there."""
OWN_FOLDERS = frozenset((INDEX_FOLDER, ".git", ".hg", ".svn", ".jj"))
"""Folders in which a change is none of the sources'."""

State = tuple[int, ...] | None


def check_watchfiles() -> None:
    """Raise UsageError without the library, with the command that installs it."""
    from importlib.util import find_spec

    if find_spec("watchfiles") is None:
        raise UsageError("watch needs watchfiles: pip install 'qembed-search[watch]'")


def refresh_options(paths: Sequence[str], *, wait: float, yes: bool) -> IndexOptions:
    """Options of `qembed index` with these paths and no options: the settings are the project file's.

    Raises UsageError for a project file with mistakes, and for a model in it that wants trust.
    """
    project = find_project()
    found = {} if project is None else option_defaults(project, "index", [])
    sources = () if project is None or paths else tuple(project.get("sources") or ())
    size = found.get(SIZE)
    return IndexOptions(
        paths=tuple(paths) or sources,
        with_remembered=bool(sources),
        recipe=RecipeOptions(found.get("model")),
        source=Source(
            "",
            include=tuple(found.get("include") or ()),
            exclude=tuple(found.get("exclude") or ()),
            max_file_size=None if size is None else parse_size(size),
        ),
        shared=frozenset(found) & frozenset(FILTERS),
        wait=wait,
        confirm=lambda _: yes,
    )


def source_places(root: Path) -> list[Path]:
    """Folders and files of the index at `root`, those that are not there too. Raises NoIndex."""
    sources = manifests.read(root).sources
    return [root.parent / source.path for source in sources if source.path != STDIN]


def watch_places(
    places: Callable[[], Sequence[Path]],
    root: Path,
    debounce: float,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[bool]:
    """Yield True after a change, and False about once a second without one; does not end.

    The first is True, and so is the first after a source has come or gone: a change before it was watched
    would be lost. `places`: what is watched, asked for anew after a change. `root`: of the index, in which no
    change counts. `debounce`: seconds to gather changes that follow one another. `say`: told if the system
    watches no more folders, which are compared by polling then.
    """
    polling = False
    while True:
        watched = list(places())
        states = [place_state(place) for place in watched]
        folders = [p for p in watched if sees_folder(p)]
        is_first = True
        try:
            for changes in _events(folders, root, debounce, polling):
                now = [place_state(place) for place in watched]
                moved = now != states
                yield is_first or moved or bool(changes)
                is_first = False
                if moved or list(places()) != watched:
                    break
        except OSError as e:
            if not polling and all(sees_folder(p) for p in folders):
                say(f"the system watches no more folders ({e}): they are compared by polling")
                polling = True
            else:  # a folder has gone between two looks
                time.sleep(POLL_SECONDS)
                yield False


def _events(folders: Sequence[Path], root: Path, debounce: float, polling: bool) -> Iterator[Any]:
    """Sets of changes below the folders, an empty one about once a second. Raises OSError."""
    if not folders:
        while True:
            time.sleep(POLL_SECONDS)
            yield ()
    from watchfiles import watch

    index = str(root.absolute())

    def counts(_change: Any, path: str) -> bool:
        return not (path == index or path.startswith(index + os.sep) or _is_own(path))

    try:
        yield from watch(
            *folders,
            watch_filter=counts,
            debounce=max(1, int(debounce * 1000)),
            step=max(1, min(50, int(debounce * 1000))),
            rust_timeout=int(POLL_SECONDS * 1000),
            yield_on_timeout=True,
            stop_event=threading.Event(),
            force_polling=polling or None,
        )
    except RuntimeError as e:  # of its Rust part, such as the limit of inotify
        raise OSError(str(e)) from e


def _is_own(path: str) -> bool:
    return not OWN_FOLDERS.isdisjoint(Path(path).parts)


def place_state(place: Path) -> State:
    """State of a source, None if it is not there: of a folder which one it is; of a file its content."""
    try:
        s = place.stat()
    except OSError:
        return None
    if sees_folder(place):
        return (s.st_dev, s.st_ino)
    return (s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns)
