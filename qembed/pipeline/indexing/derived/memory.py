"""Memory of a process, as the operating system keeps it: hints, without effect where they are not known."""

from __future__ import annotations

import contextlib
import ctypes
from pathlib import Path

LARGE = 4 << 20
"""Bytes of a mapping from which on large pages pay."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's mallopt: free bytes at the heap's end from which on they are given back, and bytes of
a block from which on it is mapped by itself."""
AT_FIRST = 128 << 10
"""Value of both when a process begins."""
MADV_HUGEPAGE = 14
"""Of Linux, for every processor but those of alpha and parisc."""
_UNKNOWN = (OSError, TypeError, AttributeError, ValueError)


def give_back() -> None:
    """Give memory that was freed back: glibc keeps it where it was freed in small pieces."""
    with contextlib.suppress(*_UNKNOWN):
        ctypes.CDLL(None).malloc_trim(0)


def keep_large_blocks_apart() -> None:
    """Map each large block by itself from now on, so that it goes back when it is freed.

    By itself glibc puts blocks of up to 32 MiB among the small ones once one of that size was freed, and what
    is between them stays: of a million passages an eighth of all memory. Freed blocks cost the time to map
    them again, so this is for long runs.
    """
    with contextlib.suppress(*_UNKNOWN):
        library = ctypes.CDLL(None)
        library.mallopt(M_TRIM_THRESHOLD, AT_FIRST)
        library.mallopt(M_MMAP_THRESHOLD, AT_FIRST)
        library.malloc_trim(0)


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
