"""Memory of a process, as the operating system keeps it: hints, without effect where they are not known."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

LARGE = 4 << 20
"""Bytes of a mapping from which on large pages pay."""
MADV_HUGEPAGE = 14
"""Of Linux, for every processor but those of alpha and parisc."""
_UNKNOWN = (OSError, TypeError, AttributeError, ValueError)


def give_back() -> None:
    """Give memory that was freed back: glibc keeps it where it was freed in small pieces."""
    with contextlib.suppress(*_UNKNOWN):
        ctypes.CDLL(None).malloc_trim(0)


def ask_for_large_pages() -> int:
    """Ask for large pages in this process's own large mappings, and return how many these are.

    A graph is walked from one distant place to another, and at each the page has to be found first. For what
    is mapped later, ask again.
    """
    asked = 0
    with contextlib.suppress(*_UNKNOWN):
        advise = ctypes.CDLL(None).madvise
        advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
        for line in Path("/proc/self/maps").read_text("ascii", "replace").splitlines():
            place, rights, _, _, inode, *_ = line.split(maxsplit=5)
            begin, end = (int(number, 16) for number in place.split("-"))
            if inode == "0" and rights.startswith("rw") and end - begin >= LARGE:
                asked += advise(begin, end - begin, MADV_HUGEPAGE) == 0
    return asked
