"""Installed distributions, CPU, cores and device: found in a millisecond, without importing libraries.

`importlib.metadata` parses a package's whole description for its version, and takes 15 ms to be imported
itself; a cold query has half a second. Installers write name and version into a folder's name too.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from pathlib import Path

from qembed.errors import UsageError

_INFO = re.compile(r"(?P<name>[A-Za-z0-9_.]+)-(?P<version>[^-]+)\.dist-info$")
_ACCELERATORS = ("/dev/nvidiactl", "/dev/nvidia0", "/dev/kfd", "/dev/dxg")
"""NVIDIA, AMD, and either of them under WSL."""

RUNTIME = "QEMBED_RUNTIME"
"""Environment variable: `torch` disables exports."""
DEVICE = "QEMBED_DEVICE"
"""Environment variable: `cpu`, `cuda`, `cuda:1`, `mps`; default: a GPU if there is one."""
DTYPE = "QEMBED_DTYPE"
"""Environment variable: `float32`, `bfloat16` or `float16`; default: bfloat16 on CUDA, else float32."""
_VALUES = {
    RUNTIME: (r"torch", "torch is the only value"),
    DEVICE: (r"cpu|cuda(:\d+)?|mps", "cpu, cuda or mps is wanted"),
    DTYPE: (r"float32|bfloat16|float16", "float32, bfloat16 or float16 is wanted"),
}
"""Environment variable -> (pattern of its values, what a message asks for)."""


def check_variables() -> None:
    """Raise UsageError for a wrong value of a variable that says how models run, used in this run or not."""
    for name, (pattern, wanted) in _VALUES.items():
        given = os.environ.get(name)
        if given and not re.fullmatch(pattern, given):
            raise UsageError(f"{name}={given}: {wanted}")


def requested_device(device: str | None) -> str | None:
    """`device`, else $QEMBED_DEVICE, else None. Raises what `check_variables` raises."""
    check_variables()
    return device or os.environ.get(DEVICE) or None


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


@cache
def _distributions() -> dict[str, tuple[str, str]]:
    """Normalised name -> (version, folder that holds the package); the first on the path wins."""
    found: dict[str, tuple[str, str]] = {}
    try:
        here = os.getcwd()  # noqa: PTH109
    except FileNotFoundError:  # removed
        here = ""
    for folder in sys.path:
        if folder in ("", here):  # the user's own, which may hold 100,000 files
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
    """Version of an installed distribution, None if there is none."""
    if known := _distributions().get(_normal(name)):
        return known[0]
    from importlib import metadata  # for installers that name folders otherwise

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def installed_path(name: str, inside: str) -> Path | None:
    """Path of the file or folder `inside` of a distribution, None if it is not installed."""
    if known := _distributions().get(_normal(name)):
        return Path(known[1]) / inside
    from importlib import metadata

    try:
        return Path(str(metadata.distribution(name).locate_file(inside)))
    except metadata.PackageNotFoundError:
        return None


@cache
def cpu() -> str:
    """Identity of this CPU: the machine's name and the feature flags of its first core."""
    machine = os.uname().machine
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as f:  # noqa: PTH123
            head = f.read(8192)  # the first core; the kernel makes the rest up only if it is read
    except OSError:
        return machine
    for line in head.split(b"\n"):
        if line.startswith((b"flags", b"Features")):
            flags = line.partition(b":")[2].split()
            return f"{machine} {' '.join(sorted(f.decode('ascii', 'replace') for f in flags))}"
    return machine


def accelerator() -> bool:
    """True if torch may find a GPU here, by its devices and version. Does not import torch."""
    if sys.platform == "darwin":
        return os.uname().machine == "arm64"
    if (version("torch") or "").endswith("+cpu"):
        return False
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return False
    return any(os.path.exists(p) for p in _ACCELERATORS)  # noqa: PTH110


_shared = False


def share_cores() -> None:
    """Declare that this process runs several tasks at a time: threads that wait for work must not spin."""
    global _shared
    _shared = True


def cores_shared() -> bool:
    """True after `share_cores`."""
    return _shared


_most_threads = 0


def limit_threads(most: int) -> None:
    """Declare that other processes use the other cores: `threads` is `most` from now on."""
    global _most_threads
    _most_threads = most


def threads() -> int:
    """Number of cores this process may use."""
    if _most_threads:
        return _most_threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
