"""What a refresh has to look at: decided from sizes and times alone, without reading a file.

A file is unchanged if its size and its time in nanoseconds are what they were. Times are not believed
where they cannot be: a file changed within RACY of being read may change again without a new time (the
same rule as git's), and is therefore remembered with time 0 and read again next time. A time that went
backwards is simply another time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from qembed.store import FileState
from qembed.types import SourceFile

RACY_NS = 2_000_000_000
"""Two seconds: the coarsest time stamp of a file system in use (FAT)."""

Key = tuple[str, str]
"""(source, file)"""


@dataclass(frozen=True, slots=True)
class SourceChanges:
    """`unchanged`: as remembered; `read`: new, changed or suspect; `gone`: remembered, not there."""

    unchanged: list[Key]
    read: list[SourceFile]
    gone: list[Key]


def compare(
    known: Mapping[Key, FileState],
    found: Iterable[SourceFile],
    scanned: Collection[str],
    suspect: Callable[[Key], bool] | None = None,
    sheltered: Callable[[Key], bool] = lambda _: False,
) -> SourceChanges:
    """Compares what is remembered with what is there.

    `scanned`: the sources looked at; files of others are none of this run's business. `suspect`: files
    to read again whatever their time. `sheltered`: files that could not be looked for, so that their
    absence proves nothing.
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
            and state[0] == file.size  # by number: this is done for every file of a refresh
            and state[1] == file.mtime_ns
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
    """The time to remember for a file read at `read_at_ns`: 0 if it might change within its resolution."""
    return file.mtime_ns if 0 < file.mtime_ns < read_at_ns - RACY_NS else 0
