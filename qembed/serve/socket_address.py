"""Sockets of servers: their paths, who may use them, and the environment that both sides must share.

$XDG_RUNTIME_DIR/qembed, else /run/user/<uid>/qembed, else <cache>/run      mode 0700, the user's own
    <hash of the index's real path>.sock, .lock                             the lock: held by the server
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
from collections.abc import Mapping
from pathlib import Path

from qembed.paths import cache_folder

MAX_SOCKET_PATH = 100
"""Longest path of a socket, in bytes; the limits of kernels are 104 and 108."""
_RELEVANT = ("QEMBED_", "HF_", "TRANSFORMERS_", "CUDA_VISIBLE_DEVICES", "TZ", "PYTHONPATH")
_RELEVANT_ENDINGS = ("_API_KEY", "_TOKEN", "_PROXY", "_proxy")
_IRRELEVANT = (
    *("QEMBED_MODEL", "QEMBED_INDEX"),
    *("QEMBED_LOG", "QEMBED_CLIENT", "QEMBED_SESSION"),
    "QEMBED_HTTP_TOKEN",
)
"""Variables that do not matter: a request names the model, the socket the index, and the client logs."""


def run_folder() -> Path:
    """Folder of this user's sockets; it need not exist."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    for top in (named, f"/run/user/{os.geteuid()}"):
        if top and _is_own_folder(top):
            return Path(top, "qembed")
    return cache_folder() / "run"


def _is_own_folder(folder: str) -> bool:
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def is_private(folder: Path) -> bool:
    """True if the folder is this user's own, without any access for others."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    return own and not stat.S_IMODE(found.st_mode) & 0o077


def socket_path(index: Path) -> Path:
    """Path of an index's socket, the same for all paths that lead to the index."""
    real = os.path.realpath(index)
    name = hashlib.blake2b(os.fsencode(real), digest_size=10).hexdigest()
    return run_folder() / f"{name}.sock"


class ShortSocketPath:
    """Context manager of a path short enough for a socket's address. Raises OSError if there is none.

    For a long path it goes through the descriptor of the open folder, as Linux allows.
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
    """(process id, user id) of the other end; None where the system does not report it."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return None
    form = "3i"
    pid, uid, _ = struct.unpack(
        form, sock.getsockopt(socket.SOL_SOCKET, option, struct.calcsize(form))
    )
    return pid, uid


def is_other_user(sock: socket.socket) -> bool:
    """True if another user is at the other end; False where only the folder's mode keeps others out."""
    found = peer(sock)
    return found is not None and found[1] != os.geteuid()


def relevant_environment(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables that an answer can depend on: name -> hash of the value, which may be secret."""
    return {
        name: hashlib.blake2b(os.fsencode(value), digest_size=8).hexdigest()
        for name, value in sorted(environ.items())
        if name not in _IRRELEVANT
        and (name.startswith(_RELEVANT) or name.endswith(_RELEVANT_ENDINGS))
    }


def differing_variables(
    here: Mapping[str, str], there: Mapping[str, str], code: bool = False
) -> list[str]:
    """Names of the variables that differ. `code`: where Python finds modules matters too."""
    names = {n for n in here.keys() | there.keys() if here.get(n) != there.get(n)}
    return sorted(names if code else names - {"PYTHONPATH"})
