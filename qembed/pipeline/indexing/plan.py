"""Comparison of the files of the sources with the catalog, by size and modification time alone.

A file is unchanged if its size and its time in nanoseconds are those of the catalog. A file that changed
less than RACY_NS before it was read may change again without a new time (git has the same rule): its time
is stored as 0, so that the next run reads it again. A time that went backwards is a new time as any other.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

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
