"""Files that a command writes at its end, checked before its work begins."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from qembed.errors import StorageError, refusal


def check_outputs(files: Iterable[Path | None], folders: Iterable[Path] = ()) -> None:
    """Raise StorageError, with all reasons, for paths that cannot be written; None is no path.

    `folders`: ones that are made, with those above them. A disk that gets full is noticed by the write only.
    """
    wrong = []
    for path in files:
        if path is not None and (number := _refused(path)) is not None:
            wrong.append(_reason(path, number))
    for folder in folders:
        above = next(p for p in folder.absolute().parents if p.exists())
        if (number := _refused(above / folder.name)) is not None:
            wrong.append(_reason(folder, number))
    if wrong:
        raise StorageError("\n  ".join(wrong))


def _reason(path: Path, number: int) -> str:
    return f"cannot write {path}: {refusal(OSError(number, os.strerror(number)))}"


def _refused(path: Path) -> int | None:
    """Error number with which a write of the file would fail, None for none that can be foreseen."""
    try:
        if path.is_dir():
            return errno.EISDIR
        if path.exists() and not path.is_file():
            return None if os.access(path, os.W_OK) else errno.EACCES
        folder = path.resolve().parent  # a symbolic link stays one
        if not folder.exists():
            return errno.ENOENT
        if not folder.is_dir():
            return errno.ENOTDIR
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return errno.EROFS
        return None if os.access(folder, os.W_OK | os.X_OK) else errno.EACCES
    except OSError as e:
        return e.errno
