"""Small file with one entry a key, in which a query finds its own without parsing the others.

    {"v":2,"entries":1, …}     the header, a JSON object
    "where is my parcel"\t{…}  a key and its entry, as JSON; an end of line or tab inside is escaped

Replaced as a whole, in one rename. It is derived from the log: what cannot be read is as if it were not
there.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

VERSION = 2
MODE = 0o600
RESERVED = ("v", "entries", "bytes")
"""Fields of the header that are of the form, not of the content."""


class KeyedFile:
    """Content of a keyed file. `header`: its fields; None if there is no such file of this version."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        begin = data.find(b"\n") + 1
        header = _object(data[:begin]) if begin else None
        self.header: Mapping[str, Any] | None = None
        # a file that was cut off at the end of a line must not pass for one with fewer entries
        if header and header.get("v") == VERSION and header.get("bytes") == len(data) - begin:
            self.header = header

    @classmethod
    def read(cls, path: Path) -> KeyedFile:
        """Read a file; without one the content is empty. Raises OSError."""
        try:
            return cls(path.read_bytes())
        except FileNotFoundError:
            return cls(b"")

    def write(self, path: Path) -> None:
        """Replace a file by this content. Raises OSError; the old one then stands."""
        replace_keyed_file(path, self._data)

    def entry(self, key: str) -> dict[str, Any] | None:
        """Entry of a key; None without one."""
        if self.header is None:
            return None
        wanted = b"\n" + _encoded(key) + b"\t"
        at = self._data.find(wanted)
        if at < 0:
            return None
        begin = at + len(wanted)
        return _object(self._data[begin : self._data.find(b"\n", begin)])

    def entries(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """All keys and their entries; lines that are none are left out."""
        if self.header is None:
            return
        for line in self._data.splitlines()[1:]:
            key, _, body = line.partition(b"\t")
            entry = _object(body)
            with contextlib.suppress(ValueError):
                name = json.loads(key)
                if entry is not None and isinstance(name, str):
                    yield name, entry


def keyed_content(
    header: Mapping[str, Any], entries: Iterable[tuple[str, Mapping[str, Any]]]
) -> bytes:
    """Content of a keyed file."""
    lines = [_encoded(key) + b"\t" + _encoded(entry) + b"\n" for key, entry in entries]
    size = sum(map(len, lines))
    head = _encoded({"v": VERSION, "entries": len(lines), "bytes": size, **header})
    return b"".join([head, b"\n", *lines])


def replace_keyed_file(path: Path, content: bytes) -> None:
    """Replace a file in one rename. Raises OSError; the old one then stands."""
    new = path.with_name(f"{path.name}-{os.urandom(6).hex()}.tmp")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    try:
        with os.fdopen(fd, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, path)  # noqa: PTH105 - as everywhere where files are replaced
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _encoded(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii")


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
