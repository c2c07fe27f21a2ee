"""Files that a command writes, checked before its work begins."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from qembed.errors import StorageError, UsageError, refusal


def check_outputs(files: Iterable[Path | None], folders: Iterable[Path] = ()) -> None:
    """Raise StorageError, with all reasons, for paths that cannot be written; None is no path.

    `folders`: ones that are made, with those above them. A disk that gets full is noticed by the write only.
    """
    wrong = []
    for path in files:
        if path is not None and (number := _refused(path)) is not None:
            wrong.append(_reason(path, number))
    for folder in folders:
        if (number := _refused_folder(folder)) is not None:
            wrong.append(_reason(folder, number))
    if wrong:
        raise StorageError("\n  ".join(wrong))


class NamedFile(NamedTuple):
    """Path that an option names."""

    option: str
    path: Path

    def __str__(self) -> str:
        return f"{self.option} {self.path}"


def check_apart(outputs: Sequence[NamedFile], inputs: Iterable[NamedFile]) -> None:
    """Raise UsageError, with all pairs, for an output that is an input as well, or another output.

    Files are compared by their identity, those that are not there yet by their real paths. Devices, pipes
    and `-` may be both.
    """
    read: dict[object, NamedFile] = {}
    for file in inputs:
        read.setdefault(_identity(file.path), file)
    written: dict[object, NamedFile] = {}
    wrong = []
    for file in outputs:
        if (key := _identity(file.path)) is None:
            continue
        if (source := read.get(key)) is not None:
            wrong.append(f"{file} would replace {source}, which is read: write another file")
        if (other := written.setdefault(key, file)) is not file:
            wrong.append(f"{other} and {file} are one file: write two")
    if wrong:
        raise UsageError("\n  ".join(wrong))


def _identity(path: Path) -> object:
    """Value that is equal for two paths of one file or folder; None for what may be read and written."""
    if str(path) == "-":
        return None
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    is_stored = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return (found.st_dev, found.st_ino) if is_stored else None


def _reason(path: Path, number: int) -> str:
    return f"cannot write {path}: {refusal(OSError(number, os.strerror(number)))}"


def _refused_folder(folder: Path) -> int | None:
    """Error number for a folder that is to be made with those above it, as `_refused`.

    One is made and removed again: root may write everywhere, and yet not make a folder in /proc.
    """
    try:
        above = next(p for p in folder.absolute().parents if p.exists())
        if (number := _refused(above / folder.name)) is None:
            Path(tempfile.mkdtemp(prefix=".qembed-", dir=above)).rmdir()
    except OSError as e:
        return e.errno
    return number


def _refused(path: Path) -> int | None:
    """Error number with which a write of the file would fail, None for none that can be foreseen."""
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            mode = path.stat().st_mode
            if stat.S_ISDIR(mode):
                return errno.EISDIR
            if not stat.S_ISREG(mode):
                return None if os.access(path, os.W_OK) else errno.EACCES
        folder = Path(os.path.realpath(path)).parent  # a symbolic link stays one
        if not folder.exists():
            return errno.ENOENT
        if not folder.is_dir():
            return errno.ENOTDIR
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return errno.EROFS
        return None if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES
    except OSError as e:
        return e.errno


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Path to write to in the block; it is at `path` when the block ends, and gone after an error.

    A symbolic link stays one, and so do devices and pipes, which get a copy: a rename would put a file in
    their place. Raises OSError.
    """
    if path.exists() and not path.is_file():
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / path.name
            yield part
            with part.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
        return
    real = Path(os.path.realpath(path))
    part = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    try:
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(real)
    except BaseException:
        with suppress(OSError):
            part.unlink()
        raise


@contextmanager
def removed_after_errors(paths: Iterable[Path]) -> Iterator[None]:
    """Remove files that the block has made, and their folders, if it raises."""
    files = [p for p in paths if not os.path.lexists(p)]
    folders = {f for p in files for f in (p.parent, *p.parent.parents) if not os.path.lexists(f)}
    try:
        yield
    except BaseException:
        for path in files:
            with suppress(OSError):
                path.unlink()
        for path in sorted(folders, key=lambda f: -len(f.parts)):
            with suppress(OSError):
                path.rmdir()
        raise
