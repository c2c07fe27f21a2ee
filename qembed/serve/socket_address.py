"""Where a server's socket lies, who may use it, and what must be alike for its answer to be one's own.

$XDG_RUNTIME_DIR/qembed, else /run/user/<uid>/qembed, else <cache>/run      0700, the user's own
    <hash of the index's real path>.sock     .lock: held by the server as long as it lives
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from qembed.models.spec import parse_spec
from qembed.paths import cache_folder

MAX_SOCKET_PATH = 100
"""Bytes in a socket's path; the kernels' limits are 104 and 108."""
_ALIKE = ("QEMBED_", "HF_", "TRANSFORMERS_", "CUDA_VISIBLE_DEVICES", "TZ", "PYTHONPATH")
_ENDINGS = ("_API_KEY", "_TOKEN", "_PROXY", "_proxy")
_APART = ("QEMBED_MODEL", "QEMBED_INDEX")
"""Named by variables, but a request says them itself."""


def run_folder() -> Path:
    """The folder of all this user's sockets; it need not exist."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    for top in (named, f"/run/user/{os.geteuid()}"):
        if top and _ours(top):
            return Path(top, "qembed")
    return cache_folder() / "run"


def _ours(folder: str) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def is_private(folder: Path) -> bool:
    """Whether nobody but this user can look into it."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return own and not stat.S_IMODE(found.st_mode) & 0o077


def socket_path(index: Path) -> Path:
    """One socket an index, whatever path it is reached by."""
    real = os.path.realpath(index)
    name = hashlib.blake2b(os.fsencode(real), digest_size=10).hexdigest()
    return run_folder() / f"{name}.sock"


class ShortSocketPath:
    """`path` in a form that fits into a socket's address. Raises OSError where there is none.

    Linux reaches a folder that is open by its descriptor, however deep it lies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= MAX_SOCKET_PATH:
            return str(self._path)
        self._fd = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        short = f"/proc/self/fd/{self._fd}"
        if not os.path.isdir(short):  # noqa: PTH112 - a Path would only cost time here
            self.__exit__()
            raise OSError(f"{self._path}: too long for a socket")
        return f"{short}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def peer(sock: socket.socket) -> tuple[int, int] | None:
    """(process, user) at the other end; None where the system does not tell."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    form = "3i"
    pid, uid, _ = struct.unpack(
        form, sock.getsockopt(socket.SOL_SOCKET, option, struct.calcsize(form))
    )
    return pid, uid


def is_other_user(sock: socket.socket) -> bool:
    """Whether another user is at the other end. Where the system does not tell, the folder is the guard."""
    found = peer(sock)
    return found is not None and found[1] != os.geteuid()


def relevant_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What of the environment an answer can depend on: name -> a hash (some values are secret)."""
    return {
        name: hashlib.blake2b(os.fsencode(value), digest_size=8).hexdigest()
        for name, value in sorted(environ.items())
        if name not in _APART and (name.startswith(_ALIKE) or name.endswith(_ENDINGS))
    }


def differing_variables(
    here: Mapping[str, str], there: Mapping[str, str], code: bool = False
) -> list[str]:
    """The variables that two environments do not share. `code`: where modules are found counts too."""
    names = {n for n in here.keys() | there.keys() if here.get(n) != there.get(n)}
    return sorted(names if code else names - {"PYTHONPATH"})


def folder_bound(spec: str | None) -> bool:
    """True if a model spec may name something else in another current folder."""
    return spec is not None and parse_spec(spec).is_folder_bound
