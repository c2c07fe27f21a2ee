"""Comparison of the files of the sources with the catalog, by size and modification time alone.

A file is unchanged if its size and its time in nanoseconds are those of the catalog. A file that changed
less than RACY_NS before it was read may change again without a new time (git has the same rule): its time
is stored as 0, so that the next run reads it again. A time that went backwards is a new time as any other.
"""

from __future__ import annotations

import gc
import os
from collections import Counter
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
    """Owner of each file among nested sources: the innermost source that it lies in.

    It decides alone, under its own filters, whether the file is read.
    """

    def __init__(self, sources: Mapping[str, Path]) -> None:
        # without a slash at the end: that of the root folder
        self._top = {path: os.path.realpath(full).rstrip("/") for path, full in sources.items()}
        self._files = {path for path, full in sources.items() if not sees_folder(full)}
        self._at = {self._top[path]: path for path in sorted(self._top)}

    def nested_in(self, outer: Collection[str]) -> set[str]:
        """Sources that lie in another one of `outer`, or are the same by another name."""
        tops = Counter(self._top[path] for path in outer)
        found = set()
        for path, top in self._top.items():
            above = [top, *(str(p).rstrip("/") for p in Path(top or "/").parents)]
            if any(tops[a] - (a == top and path in outer) > 0 for a in dict.fromkeys(above)):
                found.add(path)
        return found

    def key(self, key: Key) -> Key:
        """Key that a file of a source has in its owner; the same one for files of no such source."""
        source, name = key
        if source not in self._top:
            return key
        location = self._top[source]
        if source not in self._files:
            location += f"/{name}"
        top = location
        while top not in self._at:
            top = top.rpartition("/")[0]
        owner = self._at[top]
        if owner == source:
            return key
        return owner, Path(top).name if owner in self._files else location[len(top) + 1 :]


def describe_owner_change(key: Key, owned: Key) -> str:
    """Line on a source that takes files from another: by the keys of one in both."""
    return (
        f"{owned[0]} is a source of its own now: what has no id is named by its path there, {owned[1]} for "
        f"{key[1]} of {key[0]} (judgments and filters want the new names)"
    )
