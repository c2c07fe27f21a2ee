"""Files of the lexical index: opening them beside a writer or read-only, and checks for damage before use.

Every file of a segment ends in a footer with the checksum of the rest, and is never changed; `meta.json`
names the segments.
"""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from qembed.errors import IndexDamaged

ATTEMPTS = 20
"""Tries to open an index: a writer may merge segments away meanwhile."""
FOOTER_MAGIC = 1337
"""Last four bytes of each of tantivy's files; before them the length of a footer with the checksum."""


class LexicalIndexDamaged(IndexDamaged):
    """Raised if the lexical index cannot be read. It is derived: the next writer makes a new one."""


def open_index(path: Path, sums: bool) -> Any:
    """Open the tantivy index in the folder `path` after `check`. Raises LexicalIndexDamaged."""
    for _ in range(ATTEMPTS):
        before = _commit(path)
        try:
            return _open_once(path, sums)
        except LexicalIndexDamaged:
            if _commit(path) == before:
                raise
    raise LexicalIndexDamaged(f"{path} changes faster than it can be opened")


def _commit(path: Path) -> bytes:
    """Read the file that names the files of the present commit; b"" without one."""
    try:
        return (path / "meta.json").read_bytes()
    except OSError:
        return b""


def _open_once(path: Path, sums: bool) -> Any:
    import tantivy

    check(path, sums)
    if os.access(path, os.W_OK):
        with engine_errors(path):
            index = tantivy.Index.open(str(path))
            index.config_reader("manual")
            return index
    # Opening takes a lock in the folder, even to read. Where nothing may be written, the same files are
    # opened through links from elsewhere; once open they need no names.
    with engine_errors(path), tempfile.TemporaryDirectory(prefix="qembed-") as view:
        for entry in path.iterdir():
            if not entry.name.startswith(".tantivy"):
                (Path(view) / entry.name).symlink_to(entry.resolve())
        index = tantivy.Index.open(view)
        index.config_reader("manual")
        index.searcher()
        return index


def check(path: Path, sums: bool = True) -> None:
    """Raise LexicalIndexDamaged if a file of the index is missing, cut off or (with `sums`) altered."""
    try:
        meta = json.loads((path / "meta.json").read_bytes())
        segments = [str(s["segment_id"]).replace("-", "") for s in meta["segments"]]
        names = sorted(os.listdir(path))  # noqa: PTH208 - names are all it takes
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise LexicalIndexDamaged(f"{path}: no lexical index ({e})") from e
    for segment in segments:
        parts = [n for n in names if n.startswith(segment)]
        if not {f"{segment}.{kind}" for kind in _KINDS} <= set(parts):
            raise LexicalIndexDamaged(f"{path}: files of {segment} are missing")
        for name in parts:
            _check_file(path / name, sums)


_KINDS = ("idx", "pos", "term", "store", "fast", "fieldnorm")


def _check_file(path: Path, sums: bool) -> None:
    try:
        with path.open("rb") as f:
            size = f.seek(0, os.SEEK_END)
            f.seek(max(0, size - 8))
            end = f.read()
            length, magic = int.from_bytes(end[:4], "little"), int.from_bytes(end[4:], "little")
            body = size - 8 - length
            if magic != FOOTER_MAGIC or body < 0:
                raise LexicalIndexDamaged(f"{path} is cut off")
            if not sums:
                return
            f.seek(body)
            wanted = json.loads(f.read(length))["crc"]
            f.seek(0)
            crc, left = 0, body
            while left and (block := f.read(min(left, 1 << 20))):
                crc, left = zlib.crc32(block, crc), left - len(block)
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise LexicalIndexDamaged(f"{path} cannot be read: {e}") from e
    if crc != wanted or left:
        raise LexicalIndexDamaged(f"{path} was altered")


_OS_ERROR = re.compile(r"\(os error (\d+)\)")
_DISK_REFUSES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO})


@contextmanager
def writing_errors(path: Path) -> Iterator[None]:
    """Raise OSError where the disk refuses to take what the engine writes, else as `engine_errors`."""
    try:
        with engine_errors(path):
            yield
    except LexicalIndexDamaged as e:
        found = _OS_ERROR.search(str(e))
        if found and (number := int(found[1])) in _DISK_REFUSES:
            raise OSError(number, os.strerror(number), str(path)) from e
        raise


@contextmanager
def engine_errors(path: Path) -> Iterator[None]:
    """Raise LexicalIndexDamaged for the engine's errors in the block; it panics at some damaged files."""
    try:
        yield
    except (ValueError, OSError, RuntimeError) as e:
        raise LexicalIndexDamaged(f"{path}: {str(e).splitlines()[0] if str(e) else e!r}") from e
    except BaseException as e:
        if type(e).__name__ == "PanicException":  # from Rust, no Exception of Python's
            raise LexicalIndexDamaged(f"{path}: {e}") from e
        raise
