"""What is installed here, found without importing it, and in a millisecond.

`importlib.metadata` parses a package's whole description to tell its version, and takes 15 ms to be imported
itself; a cold query has half a second. Installers write name and version into a folder's name too.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

_INFO = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)\.dist-info$")
_ACCELERATORS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""NVIDIA, AMD, and either of them under WSL."""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


@cache
def _all() -> dict[str, tuple[str, str]]:
    """Normal name -> (version, folder that holds the package), the first on the path first."""
    found: dict[str, tuple[str, str]] = {}
    here = os.getcwd()  # noqa: PTH109
    for folder in sys.path:
        if folder in ("", here):  # the user's, and perhaps with 100,000 files in it
            continue
        try:
            names = os.listdir(folder)  # noqa: PTH208 - a Path for each of 300 entries takes longer
        except OSError:
            continue
        for name in names:
            match = _INFO.match(name)
            if match:
                found.setdefault(_normal(match["name"]), (match["version"], folder))
    return found


def version(name: str) -> str | None:
    """The version of an installed distribution, None if there is none."""
    if known := _all().get(_normal(name)):
        return known[0]
    from importlib import metadata  # an installer that does as none of the usual ones

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def place(name: str, inside: str) -> Path | None:
    """Where the file or folder `inside` of a distribution lies, None if it is not installed."""
    if known := _all().get(_normal(name)):
        return Path(known[1]) / inside
    from importlib import metadata

    try:
        return Path(str(metadata.distribution(name).locate_file(inside)))
    except metadata.PackageNotFoundError:
        return None


@cache
def cpu() -> str:
    """This CPU: the machine's name and what the first core says it can do."""
    told = os.uname().machine
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as f:  # noqa: PTH123
            head = f.read(8192)  # the first core; the kernel makes the rest up only if it is read
    except OSError:
        return told
    for line in head.split(b"\n"):
        if line.startswith((b"flags", b"Features")):
            flags = line.partition(b":")[2].split()
            return f"{told} {' '.join(sorted(f.decode('ascii', 'replace') for f in flags))}"
    return told


def accelerator() -> bool:
    """Whether torch may find something faster than the CPU here. Does not import torch to ask it."""
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if (version("torch") or "").endswith("+cpu"):
        return False
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any(os.path.exists(p) for p in _ACCELERATORS)  # noqa: PTH110


_shared = False


def share_cores() -> None:
    """Says that this process does several things at a time: threads that wait for work must not spin."""
    global _shared
    _shared = True


def cores_shared() -> bool:
    """Whether it was said so."""
    return _shared


def threads() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
