"""Files as numbered lines, and files that are whole or not there.

Reading collects mistakes instead of stopping at the first one: what a reader cannot use it hands to
`ProblemList`, and `ProblemList.close` raises them all in one InputError. Not here: what a line means.
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
ASCII_SPACE = re.compile(r"[ \t\n\r\f\v]+")
"""What separates TREC columns: C's isspace, so that an ideographic space can be part of an id."""

Warn = Callable[[str], None]
"""Takes one finished line about something odd that changes no number."""


def unheard(message: str) -> None:
    """Swallow a warning: the default where nobody listens."""


@dataclass(slots=True)
class ProblemList:
    """The mistakes of one file, raised together by `close`."""

    path: Path
    found: list[str] = field(default_factory=list)

    def add(self, line: int | None, what: str) -> None:
        """Note a mistake. `line` is 1-based, None for the whole file."""
        where = str(self.path) if line is None else f"{self.path}:{line}"
        self.found.append(f"{where}: {what}")

    def close(self) -> None:
        """Raise an InputError with every mistake, if there was one."""
        if self.found:
            many = "a mistake" if len(self.found) == 1 else f"{len(self.found)} mistakes"
            raise InputError(f"{many} in {self.path}", self.found)


@dataclass(frozen=True, slots=True)
class Source:
    """A file's bytes, read once (so that pipes work too), without a byte order mark."""

    path: Path
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read the file; InputError if it cannot be read."""
        try:
            data = path.read_bytes()
        except OSError as e:
            why = e.strerror or type(e).__name__
            raise InputError(f"cannot read {path}", [f"{path}: {why}"]) from e
        return cls(path, data.removeprefix(BOM))

    @property
    def head(self) -> str:
        """The first line that is not blank, for telling formats apart; "" if there is none."""
        for raw in self._raw():
            if raw.strip():
                return raw.decode("utf-8", "replace").strip()
        return ""

    def lines(self, mistakes: ProblemList) -> Iterator[tuple[int, str]]:
        """(line number, text) of the lines that are not blank, without their line ends."""
        for number, raw in enumerate(self._raw(), 1):
            if not raw.strip():
                continue
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError as e:
                mistakes.add(number, f"not UTF-8 (byte 0x{raw[e.start]:02x} at {e.start + 1})")

    def text(self, mistakes: ProblemList) -> str | None:
        """The whole file; None after noting each line that is not UTF-8."""
        try:
            return self.data.decode("utf-8")
        except UnicodeDecodeError:
            for _ in self.lines(mistakes):
                pass
            return None

    def _raw(self) -> Iterator[bytes]:
        # Only \n ends a line here: str.splitlines would also cut at U+2028 and at form feeds,
        # which are part of somebody's query.
        start, data = 0, self.data
        while start < len(data):
            end = data.find(b"\n", start)
            end = len(data) if end < 0 else end
            yield data[start:end].removesuffix(b"\r")
            start = end + 1


def some(names: Sequence[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def whole_file(path: Path) -> Iterator[TextIO]:
    """Write a UTF-8 text file that is complete or not there; StorageError if the disk refuses.

    What exists and is no regular file (a pipe, /dev/stdout) is written to, never replaced.
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
