"""Paths that a user names, looked at before they are read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from qembed.errors import cannot_read


def is_there(path: Path) -> bool:
    """True if there is something of this name. Raises InputError where the system does not say."""
    return _mode(path) is not None


def is_folder(path: Path) -> bool:
    """True for a folder. Raises InputError where the system does not say."""
    mode = _mode(path)
    return mode is not None and stat.S_ISDIR(mode)


def is_file(path: Path) -> bool:
    """True for a regular file. Raises InputError where the system does not say."""
    mode = _mode(path)
    return mode is not None and stat.S_ISREG(mode)


def holds_files(path: Path) -> bool:
    """True for a file, and for a folder with a file in it or below, hidden ones left out."""
    if is_file(path):
        return True
    try:
        with os.scandir(path) as entries:
            return any(
                e.is_file(follow_symlinks=False)
                or (e.is_dir(follow_symlinks=False) and holds_files(Path(e.path)))
                for e in entries
                if e.name[0] != "."
            )
    except OSError:
        return False


def absolute(path: Path) -> Path:
    """Full path without `..`, which names the same file: symbolic links stay, but for one before a `..`."""
    full = path.absolute()
    if ".." not in full.parts:
        return full
    found = Path(full.anchor)
    for part in full.parts[1:]:
        if part != "..":
            found /= part
        elif os.path.islink(found):  # noqa: PTH114 - False where the system does not say
            found = Path(os.path.realpath(found)).parent
        else:
            found = found.parent
    return found


def from_here(path: str | os.PathLike[str]) -> str:
    """A full path as it opens from the current folder: relative if it is below, else as it is.

    A relative one that begins with a hyphen has `./` before it: a program would take it for an option.
    """
    full = os.fspath(path)
    try:
        below = os.path.join(Path.cwd(), "")  # noqa: PTH118 - a folder's separator
    except FileNotFoundError:  # the current folder was removed
        return full
    if not full.startswith(below) or full == below:
        return full
    return as_argument(full[len(below) :])


def as_argument(path: str) -> str:
    """A relative path as a program takes it: `./` before one that begins with a hyphen."""
    return f"./{path}" if path.startswith("-") else path


def is_utf8(path: str) -> bool:
    """False for a path whose bytes are not UTF-8: it could not be stored."""
    try:
        str(Path(path).absolute()).encode()
    except UnicodeEncodeError:
        return False
    return True


def sees(path: Path) -> bool:
    """True if there is something of this name, False also where the system does not say."""
    return os.path.exists(path)  # noqa: PTH110 - pathlib's raises


def sees_folder(path: Path) -> bool:
    """True for a folder, False also where the system does not say."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib's raises


def sees_file(path: Path) -> bool:
    """True for a regular file, False also where the system does not say."""
    return os.path.isfile(path)  # noqa: PTH113 - pathlib's raises


def _mode(path: Path) -> int | None:
    """Type and permissions of what a path names, None for nothing; pathlib's tests hide errors."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as e:
        raise cannot_read(path, e) from e
