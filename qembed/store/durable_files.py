"""Durable writing: new files under new names, with checksums, synced before they are named.

Shards, documents, manifests, stamps and the vector matrix are written, synced and renamed by `os.write`,
`os.fsync` and `os.replace` in this file, where the tests make these calls fail. Graph and lexical index
are written by their libraries: the graph is synced here, the lexical index by its library.
"""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import StorageError, refusal
from qembed.inputs import sees
from qembed.paths import MANIFEST


@dataclass(frozen=True, slots=True)
class FileInfo:
    """Finished file: its name inside the index directory, bytes, CRC-32 of its content."""

    name: str
    bytes: int
    crc: int


def make_index_folder(root: Path, folders: Iterable[str]) -> None:
    """Make the folder of an index with its own folders. A new one brings a .gitignore for all of it."""
    if not root.exists():
        root.mkdir(parents=True)
        (root / IGNORE_FILE).write_bytes(IGNORE_ALL)
    for name in folders:
        (root / name).mkdir(exist_ok=True)


def _write_all(fd: int, data: memoryview) -> None:
    """Write all of `data`; os.write may write a part only, at most 2 GiB."""
    while len(data):
        data = data[os.write(fd, data) :]


class NewFile:
    """File being written, with a running checksum; file object enough for pyarrow.

    Ends with `finish`, which syncs it, or `abandon`, which removes it.
    """

    mode = "wb"

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.path = root / name
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._bytes = 0
        self._crc = 0

    @property
    def closed(self) -> bool:
        """True after `finish` and `abandon`."""
        return self._fd < 0

    def writable(self) -> bool:
        """True, for pyarrow."""
        return True

    def readable(self) -> bool:
        """False, for pyarrow."""
        return False

    def seekable(self) -> bool:
        """False: the checksum runs forward only."""
        return False

    def tell(self) -> int:
        """Number of bytes written so far."""
        return self._bytes

    def flush(self) -> None:
        """Do nothing: there is no buffer."""

    def write(self, data: Any) -> int:
        """Write all of `data`, which has the buffer interface. Returns its length in bytes."""
        view = memoryview(data).cast("B")
        self._crc = zlib.crc32(view, self._crc)
        _write_all(self._fd, view)
        self._bytes += len(view)
        return len(view)

    def close(self) -> None:
        """Do nothing: pyarrow calls this, and the file stays open until `finish` or `abandon`."""

    def finish(self) -> FileInfo:
        """Sync and close. The folder is synced by `sync_folder`, once for all new files."""
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        return FileInfo(self.name, self._bytes, self._crc)

    def abandon(self) -> None:
        """Close and remove the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                self.path.unlink()


def append(path: Path, size: int, parts: Iterable[memoryview]) -> int:
    """Append to a file after its first `size` bytes, drop what follows those, and sync. Creates the file.

    Returns the new size in bytes.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(fd, size)
        os.lseek(fd, size, os.SEEK_SET)
        for part in parts:
            _write_all(fd, part)
            size += len(part)
        os.fsync(fd)
    finally:
        os.close(fd)
    return size


def sync_file(path: Path) -> None:
    """Sync a file that a library has written."""
    fd = os.open(path, os.O_RDWR)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_folder(path: Path) -> None:
    """Sync the names in a folder."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def rename_file(old: Path, new: Path) -> None:
    """Rename a file, in place of one that has the new name."""
    os.replace(old, new)  # noqa: PTH105 - the call that tests make fail


def replace_file(root: Path, name: str, data: bytes) -> FileInfo:
    """Write a file in place of an old one: readers see one of both whole, also after a crash."""
    new = NewFile(root, name + ".tmp")
    try:
        new.write(data)
        info = new.finish()
        rename_file(new.path, root / name)
    except BaseException:
        new.abandon()
        raise
    sync_folder((root / name).parent)
    return FileInfo(name, info.bytes, info.crc)


def checksum(path: Path) -> tuple[int, int]:
    """Compute (bytes, CRC-32) of a file, read in pieces."""
    size = crc = 0
    with path.open("rb") as f:
        while piece := f.read(1 << 22):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
    return size, crc


IGNORE_FILE = ".gitignore"
IGNORE_ALL = b"*\n"
COMMITTED = "the index holds what was committed before"


@contextlib.contextmanager
def storage_errors(root: Path, state: str | None = None) -> Iterator[None]:
    """Turn an OSError of the block into a StorageError that names the file, the reason and the state.

    `state`: of the index at `root` after the error; by default that of its last commit, if there is one.
    """
    try:
        yield
    except OSError as e:
        where = e.filename or root
        if state is None:
            state = COMMITTED if sees(root / MANIFEST) else "there is no index yet"
        raise StorageError(
            f"cannot write {where}: {refusal(e)} ({state}; mend this and run the same command again)"
        ) from e
