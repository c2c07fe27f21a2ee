"""Writing so that it stays written: new files under new names, summed and synced, then one rename.

Every byte qembed stores goes through `os.write`, `os.fsync` and `os.replace` here, which is also where
the tests make them fail. What this file does not do: decide what is written, or in which order.
"""

from __future__ import annotations

import contextlib
import errno
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import StorageError


@dataclass(frozen=True, slots=True)
class FileInfo:
    """A finished file of the index: name inside the index directory, bytes, CRC-32 of its content."""

    name: str
    bytes: int
    crc: int


def write_all(fd: int, data: memoryview) -> None:
    """Writes all bytes of `data`: os.write may take a part only, at 2 GiB at the latest."""
    while len(data):
        data = data[os.write(fd, data) :]


class NewFile:
    """A file being written, with a running checksum; enough of a file object for pyarrow.

    `finish` makes it durable and says what it is. A file that is closed without it is removed.
    """

    mode = "wb"

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.path = root / name
        self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        self._bytes = 0
        self._crc = 0
        self._done = False

    @property
    def closed(self) -> bool:
        """True once nothing more can be written."""
        return self._fd < 0

    def writable(self) -> bool:
        """Always: that is what it is for."""
        return True

    def readable(self) -> bool:
        """Never: it is read back by whoever opens it by name."""
        return False

    def seekable(self) -> bool:
        """Never: the checksum runs forward only."""
        return False

    def tell(self) -> int:
        """Bytes written so far."""
        return self._bytes

    def flush(self) -> None:
        """Nothing is held back here."""

    def write(self, data: Any) -> int:
        """Writes all of `data` (anything with the buffer interface); returns its length in bytes."""
        view = memoryview(data).cast("B")
        self._crc = zlib.crc32(view, self._crc)
        write_all(self._fd, view)
        self._bytes += len(view)
        return len(view)

    def close(self) -> None:
        """pyarrow closes what it wrote to; the file stays open until `finish` or `abandon`."""

    def finish(self) -> FileInfo:
        """Syncs and closes. The folder's entry is synced by `sync_folder`, once for all new files."""
        os.fsync(self._fd)
        os.close(self._fd)
        self._fd = -1
        return FileInfo(self.name, self._bytes, self._crc)

    def abandon(self) -> None:
        """Closes and removes it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
            with contextlib.suppress(OSError):
                self.path.unlink()


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def replace_file(root: Path, name: str, data: bytes) -> FileInfo:
    """Writes `data` as `name` so that every reader sees the old file or the new one, also after a crash."""
    new = NewFile(root, name + ".tmp")
    try:
        new.write(data)
        info = new.finish()
        os.replace(new.path, root / name)  # noqa: PTH105 - one name for the tests to make fail
    except BaseException:
        new.abandon()
        raise
    sync_folder((root / name).parent)
    return FileInfo(name, info.bytes, info.crc)


def checksum(path: Path) -> tuple[int, int]:
    """(bytes, CRC-32) of a file, read in pieces."""
    size = crc = 0
    with path.open("rb") as f:
        while piece := f.read(1 << 22):
            size += len(piece)
            crc = zlib.crc32(piece, crc)
    return size, crc


_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}


@contextlib.contextmanager
def storage_errors(root: Path) -> Iterator[None]:
    """Turns an OSError while writing the index into a StorageError that says what was kept."""
    try:
        yield
    except OSError as e:
        reason = _REASONS.get(e.errno or 0, e.strerror or str(e))
        where = e.filename or root
        raise StorageError(
            f"cannot write {where}: {reason} (what was committed before is untouched; "
            "mend this and run the same command again)"
        ) from e
