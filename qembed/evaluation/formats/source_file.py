"""Text files: numbered lines, collected mistakes, atomic writing.

Reading collects mistakes instead of stopping at the first: a reader adds them to a `ProblemList`, and
`ProblemList.close` raises all of them in one InputError.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from qembed.errors import InputError, StorageError

BOM = b"\xef\xbb\xbf"
ASCII_WHITESPACE = re.compile(r"[ \t\n\r\f\v]+")
"""Separator of TREC columns: C's isspace, so that an ideographic space can be part of an id."""

Warn = Callable[[str], None]
"""Receiver of warnings: finished lines about oddities that change no measure."""


def ignore_warning(message: str) -> None:
    """Drop a warning."""


@dataclass(slots=True)
class ProblemList:
    """Mistakes of one file, raised together by `close`."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, line: int | None, what: str) -> None:
        """Add a mistake. `line` is 1-based, None for the whole file."""
        where = str(self.path) if line is None else f"{self.path}:{line}"
        self.found.append(f"{where}: {what}")

    def close(self) -> None:
        """Raise an InputError with every mistake, if there are any."""
        if self.found:
            many = "a mistake" if len(self.found) == 1 else f"{len(self.found)} mistakes"
            raise InputError(f"{many} in {self.path}", self.found)


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of a file without its byte order mark, read once, so that pipes work too."""

    path: Path
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read the file. Raises InputError if it cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as e:
            why = e.strerror or type(e).__name__
            raise InputError(f"cannot read {path}", [f"{path}: {why}"]) from e
        return cls(path, data.removeprefix(BOM))

    @property
    def head(self) -> str:
        """First line that is not blank, for recognising formats; "" without one."""
        for raw in self._raw():
            if raw.strip():
                return raw.decode("utf-8", "replace").strip()
        return ""

    def lines(self, mistakes: ProblemList) -> Iterator[tuple[int, str]]:
        """Yield (line number, text) of the lines that are not blank, without their line ends."""
        for number, raw in enumerate(self._raw(), 1):
            if not raw.strip():
                continue
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError as e:
                mistakes.add(number, f"not UTF-8 (byte 0x{raw[e.start]:02x} at {e.start + 1})")

    def text(self, mistakes: ProblemList) -> str | None:
        """Decode the whole file; None after adding each line that is not UTF-8."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            for _ in self.lines(mistakes):
                pass
            return None

    def _raw(self) -> Iterator[bytes]:
        # only \n ends a line: str.splitlines also splits at U+2028 and at form feeds, which may be part
        # of a query
        start, data = 0, self.data
        while start < len(data):
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            yield data[start:end].removesuffix(b"\r")
            start = end + 1


def summarize_names(names: Sequence[str], most: int = 5) -> str:
    """Join the first few names, and count the rest."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def atomic_text_file(path: Path) -> Iterator[TextIO]:
    """Write a UTF-8 text file atomically. Raises StorageError if the disk refuses.

    An existing path that is no regular file (a pipe, /dev/stdout) is written to, never replaced.
    """
    try:
        if path.exists() and not path.is_file():
            with path.open("w", encoding="utf-8", newline="\n") as stream:
                yield stream
            return
        target = path.resolve()  # a symbolic link stays one
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            with temporary.open("w", encoding="utf-8", newline="\n") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(target)
        except BaseException:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
    except OSError as e:
        raise StorageError(f"cannot write {path}: {e.strerror or type(e).__name__}") from e
