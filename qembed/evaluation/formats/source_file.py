"""Input files as numbered lines of UTF-8, and output files that are complete or absent.

Readers collect mistakes instead of stopping at the first one: `ProblemList.add` takes each, and
`ProblemList.close` raises them all in one InputError.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from qembed.compression import decompress, detect_codec
from qembed.errors import InputError, StorageError, cannot_read, refusal
from qembed.outputs import whole_file

MAX_UNPACKED = 1 << 30
"""Bytes that a small compressed file may decompress to; a larger one to MAX_RATIO times its size."""
MAX_RATIO = 100

# UTF-32's mark begins with UTF-16's
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

ASCII_WHITESPACE = re.compile(r"[ \t\n\r\f\v]+")
"""Separator of TREC columns: C's isspace, so that an ideographic space can be part of an id."""

Warn = Callable[[str], None]
"""Callback for warnings: one finished line about an oddity that changes no number."""


def ignore_warning(message: str) -> None:
    """Discard a warning: the default of readers."""


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
        """Raise an InputError with all mistakes, if there are any."""
        if self.found:
            many = "a mistake" if len(self.found) == 1 else f"{len(self.found)} mistakes"
            raise InputError(f"{many} in {self.path}", self.found)


@dataclass(frozen=True, slots=True)
class Source:
    """Content of a file as UTF-8 without a byte order mark, read once so that pipes work too."""

    path: Path
    data: bytes

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file, decompressed by its signature and re-encoded by its byte order mark.

        Raises InputError if it cannot be read, is truncated, or is an archive of several files.
        """
        try:
            data = path.read_bytes()
            codec = detect_codec(data)
            if codec is not None:
                limit = max(MAX_UNPACKED, MAX_RATIO * len(data))
                with decompress(io.BytesIO(data), codec, limit) as stream:
                    data = stream.read()
            data = _to_utf8(data)
        except OSError as e:
            raise cannot_read(path, e) from e
        if data.startswith(b"PK\x03\x04"):
            what = "a zip archive or a workbook: unpack it, or save the sheet as CSV"
            raise InputError(f"cannot read {path}: {what}")
        return cls(path, data)

    @property
    def head(self) -> str:
        """First line that is neither blank nor a comment, to tell formats apart; "" without one."""
        for raw in self._raw():
            line = raw.decode("utf-8", "replace").strip()
            if line and not is_comment(line):
                return line
        return ""

    def lines(self, mistakes: ProblemList, blank: bool = False) -> Iterator[tuple[int, str]]:
        """(line number, text without line end) of the lines, comments included.

        `blank`: blank lines too. Lines that are not UTF-8 are mistakes.
        """
        for number, raw in enumerate(self._raw(), 1):
            if not blank and not raw.strip():
                continue
            try:
                yield number, raw.decode("utf-8")
            except UnicodeDecodeError as e:
                mistakes.add(number, f"not UTF-8 (byte 0x{raw[e.start]:02x} at {e.start + 1})")

    def text(self, mistakes: ProblemList) -> str | None:
        """The whole content; None after adding each line that is not UTF-8 as a mistake."""
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


def _to_utf8(data: bytes) -> bytes:
    """UTF-8 without byte order mark; OSError for UTF-16 and UTF-32 that cannot be decoded."""
    for mark, encoding in _ENCODINGS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if encoding != "utf-8":
                try:
                    data = data.decode(encoding).encode()
                except UnicodeError as e:
                    raise OSError(f"its byte order mark says {encoding}, but {e}") from e
            break
    if b"\r" in data and b"\n" not in data:  # line ends of old spreadsheet exports
        data = data.replace(b"\r", b"\n")
    return data


def is_comment(line: str) -> bool:
    """True for a line of `#` alone or of `#` and a blank; `#12` can be an id, and so can `#`."""
    bare = line.lstrip()
    return bare.startswith("#") and re.match(r"#+( |$)", bare) is not None


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: `1 query`, `2,000 queries`. `many`: the plural, if it is not `one` with s."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def summarize_names(names: Sequence[str], most: int = 5) -> str:
    """First names of a list, and the number of the others."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


@contextmanager
def atomic_text_file(path: Path) -> Iterator[TextIO]:
    """Write a UTF-8 text file that is complete or absent; StorageError if the disk refuses.

    A path that exists and is no regular file (a pipe, /dev/stdout) is written to, never replaced.
    """
    try:
        with (
            whole_file(path) as part,
            part.open("w", encoding="utf-8", newline="\n") as stream,
        ):
            yield stream
    except OSError as e:
        raise StorageError(f"cannot write {path}: {refusal(e)}") from e
