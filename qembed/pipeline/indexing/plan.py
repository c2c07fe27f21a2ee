"""Comparison of the files of the sources with the catalog, by size and modification time alone.

A file is unchanged if its size and its time in nanoseconds are those of the catalog. A file that changed
less than RACY_NS before it was read may change again without a new time (git has the same rule): its time
is stored as 0, so that the next run reads it again. A time that went backwards is a new time as any other.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from qembed.inputs import sees_folder
from qembed.store import FileState
from qembed.types import SourceFile

RACY_NS = 2_000_000_000
"""Two seconds: the coarsest time stamp of a file system in use (FAT)."""

Key = tuple[str, str]
"""Source and name of a file."""


class SourceChanges(NamedTuple):
    """Files of the sources by what a run does about them.

    `unchanged`: as in the catalog. `read`: new, changed or suspect. `gone`: in the catalog and not found.
    """

    unchanged: list[Key]
    read: list[SourceFile]
    gone: list[Key]


def compare(
    known: Mapping[Key, FileState],
    found: Iterable[SourceFile],
    scanned: Collection[str],
    suspect: Callable[[Key], bool] | None = None,
    refreshed_ns: int = 0,
    sheltered: Callable[[Key], bool] = lambda _: False,
) -> SourceChanges:
    """Compare the files of the catalog, `known`, with the files found.

    `scanned`: the sources that were walked; files of others are neither unchanged nor gone. `suspect`: True
    for a file to read again whatever its time. `sheltered`: True for a file in a folder that could not be
    listed, which is kept.
    """
    unchanged: list[Key] = []
    read: list[SourceFile] = []
    seen: set[Key] = set()
    for file in found:
        key = (file.source, file.name)
        if key in seen:
            continue
        seen.add(key)
        state = known.get(key)
        if (
            state is not None
            and state[0] == file.size  # by position: a refresh does this for every file
            and state[1] == file.mtime_ns
            and (file.ctime_ns <= refreshed_ns or not refreshed_ns)
            and not (suspect is not None and suspect(key))
        ):
            unchanged.append(key)
        else:
            read.append(file)
    gone: list[Key] = []
    for key in known.keys() - seen if len(known) > len(unchanged) else ():
        if key[0] in scanned:
            (unchanged if sheltered(key) else gone).append(key)
    gone.sort()
    return SourceChanges(unchanged, read, gone)


def trusted_mtime(file: SourceFile, read_at_ns: int) -> int:
    """Time to store for a file read at `read_at_ns`: negative if it might change without a new time."""
    return file.mtime_ns if file.mtime_ns < read_at_ns - RACY_NS else -abs(file.mtime_ns)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Pause the cycle collector, which would scan the objects of all files again and again.

    It takes a third of a refresh's time otherwise.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class FileOwners:
    """Owner of each file among nested sources: the innermost source that has claimed it."""

    def __init__(self, sources: Mapping[str, Path]) -> None:
        self.sources = {path: os.path.realpath(full) for path, full in sources.items()}
        self._files = {path for path, full in self.sources.items() if not sees_folder(Path(full))}
        self._depth = {path: (full.count(os.sep), path) for path, full in self.sources.items()}
        self._owner: dict[str, str] = {}

    def _location(self, source: str, name: str) -> str:
        folder = self.sources[source]
        return folder if source in self._files else f"{folder}/{name}"

    def claim(self, source: str, name: str) -> None:
        """Record that a source has a file of this name."""
        location = self._location(source, name)
        owner = self._owner.get(location)
        if owner is None or self._depth[source] > self._depth[owner]:
            self._owner[location] = source

    def describe_change(self, source: str, name: str) -> str:
        """Line on a source that takes files from another: by the new name of a file of `source`."""
        location = self._location(source, name)
        owner = self._owner[location]
        top = self.sources[owner]
        now = Path(top).name if owner in self._files else location[len(top) + 1 :]
        return (
            f"{owner} is a source of its own now: what has no id is named by its path there, {now} for "
            f"{name} of {source} (judgments and filters want the new names)"
        )

    def owns(self, source: str, name: str) -> bool:
        """True if the source is the owner of its file of this name."""
        return self._owner[self._location(source, name)] == source
