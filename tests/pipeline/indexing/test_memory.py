"""Hints to the operating system about a process's memory."""

from __future__ import annotations

import ctypes
import mmap
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.pipeline.indexing.derived.memory import (
    LARGE,
    ask_for_large_pages,
    give_back,
    keep_large_blocks_apart,
)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells what was asked for")
def test_large_mappings_without_a_file_are_asked_for() -> None:
    if not Path("/sys/kernel/mm/transparent_hugepage").exists():
        pytest.skip("a kernel without large pages")
    with mmap.mmap(-1, 4 * LARGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        place = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        assert "hg" not in flags(place)
        assert ask_for_large_pages() > 0
        assert "hg" in flags(place)
        memory.write(b"the same")
        memory.seek(0)
        assert memory.read(8) == b"the same"


def flags(place: int) -> list[str]:
    """Flags of this process's mapping that holds a place, as the kernel writes them."""
    holds = False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            begin, end = (int(number, 16) for number in first.split("-"))
            holds = begin <= place < end
        elif holds and first == "VmFlags:":
            return line.split()[1:]
    raise AssertionError("no such mapping")


BLOCKS = """
from pathlib import Path
from qembed.pipeline.indexing.derived.memory import keep_large_blocks_apart

def is_among_small_ones():
    import ctypes
    block = bytearray(1 << 20)
    place = ctypes.addressof(ctypes.c_char.from_buffer(block))
    for line in Path("/proc/self/maps").read_text().splitlines():
        begin, end = (int(number, 16) for number in line.split()[0].split("-"))
        if begin <= place < end:
            return line.endswith("[heap]")

large = bytearray(20 << 20)
del large
before = is_among_small_ones()
keep_large_blocks_apart()
print(before, is_among_small_ones())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a parameter of glibc's")
def test_large_blocks_are_mapped_by_themselves() -> None:
    done = subprocess.run([sys.executable, "-c", BLOCKS], capture_output=True, text=True)
    assert done.stdout.split() == ["True", "False"], done.stderr


def test_a_system_that_knows_neither_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    give_back()
    keep_large_blocks_apart()
    assert ask_for_large_pages() == 0
