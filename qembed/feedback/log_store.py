"""Log of queries and events in the folder of an index: JSON lines, appended by many processes at once.

    feedback/
      log-00000001.jsonl    a segment; rows are appended to the one with the highest number
      lock                  taken by who changes rows, or asks whether an event is there already
      key                   of the hashes of texts, made at the first use
      votes.jsonl           votes by query, made of the log
      learned.jsonl         the order that `feedback learn` stored

Rows are appended by one `os.write` each, under a lock on the segment itself, which lasts microseconds. Who
has the lock asks whether its segment is still the one of that name, and the last: another process may have
rewritten it or begun the next. A process that is killed in a write leaves an unfinished line, which the next
one cuts off; readers take no lock and ignore it. Segments are never renamed. A full one is not written to
again, but for who deletes rows, and writes it anew in one rename. Nothing is synced: what was logged in the
last seconds is lost with the power, not with the process.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import IndexLocked
from qembed.paths import FEEDBACK

if TYPE_CHECKING:
    from qembed.locks import FileLock

SEGMENT_BYTES = 16 << 20
"""Size from which on a segment is full."""
WAIT_SECONDS = 1.0
"""Longest wait for a process that holds a segment: one that was stopped holds it for ever."""
LEFT_SECONDS = 3600.0
"""Age from which on an unfinished file of another process is left over."""
_POLL_SECONDS = 0.0005
_BEGIN, _END = "log-", ".jsonl"
LOCK = "lock"
MODE = 0o600
"""Permissions of the log's files: who may search need not read what others asked."""


class LogLine:
    """Line of a segment, without its end. `number`: from 1."""

    __slots__ = ("data", "number", "path")  # a dataclass takes a millisecond to make, of each query

    def __init__(self, path: Path, number: int, data: bytes) -> None:
        self.path, self.number, self.data = path, number, data

    @property
    def place(self) -> str:
        """File and line, for messages."""
        return f"{FEEDBACK}/{self.path.name}:{self.number}"


class LogStore:
    """Log of the index at `root`. Nothing is made or opened before a row is appended."""

    def __init__(self, root: Path, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = root / FEEDBACK
        self._segment_bytes = segment_bytes
        self._number = 0  # of the segment that was last written to

    # ── appending ────────────────────────────────────────────────────────────────────────────────

    def append(self, lines: Iterable[bytes]) -> int:
        """Append lines, each with its end, by one write each. Returns their number.

        Raises OSError, TimeoutError among them if another process holds the log; lines before the one that
        failed are there, of this one nothing is.
        """
        fd = self._lock_last()
        written = 0
        try:
            for line in lines:
                if os.fstat(fd).st_size >= self._segment_bytes:
                    os.close(fd)
                    fd = -1
                    fd = self._lock_last()
                _write_line(fd, line)
                written += 1
        finally:
            if fd >= 0:
                os.close(fd)  # releases the lock
        return written

    def _lock_last(self) -> int:
        """Descriptor of the last segment, locked, with room and a finished last line. Makes the first."""
        until = time.monotonic() + WAIT_SECONDS
        if not self._number:
            self._number = max(self.numbers(), default=1)
        while True:
            fd = self._open(self._number)
            try:
                _lock(fd, until)
                if not _is_named(fd, self.path(self._number)):
                    continue  # rewritten or removed meanwhile
                size = _cut_unfinished(fd)
                if size < self._segment_bytes and not self.path(self._number + 1).exists():
                    fd, found = -1, fd
                    return found
            finally:
                if fd >= 0:
                    os.close(fd)
            self._number += 1

    def _open(self, number: int) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path(number), flags, MODE)
        except FileNotFoundError:
            self.folder.mkdir(exist_ok=True)
            return os.open(self.path(number), flags, MODE)

    def begin_segment(self) -> int:
        """Begin a new segment, so that none before it is appended to any more. Returns its number."""
        fd = self._lock_last()
        try:
            if os.fstat(fd).st_size == 0:
                return self._number
            os.close(self._open(self._number + 1))
            return self._number + 1
        finally:
            os.close(fd)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def path(self, number: int) -> Path:
        """Path of a segment."""
        return self.folder / f"{_BEGIN}{number:08d}{_END}"

    def numbers(self) -> list[int]:
        """Numbers of the segments that are there, ascending."""
        try:
            names = [path.name for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        middles = [
            n[len(_BEGIN) : -len(_END)] for n in names if n.startswith(_BEGIN) and n.endswith(_END)
        ]
        return sorted(int(m) for m in middles if m.isdecimal() and len(m) >= 8)

    def lines(self) -> Iterator[LogLine]:
        """Finished lines of all segments, in order: all that were there at some moment. Raises OSError."""
        number, more = 0, True
        while more and (later := [n for n in self.numbers() if n > number]):
            number = later[0]
            more = yield from segment_lines(self.path(number), self._fullness(number))

    def _fullness(self, number: int) -> Callable[[], bool]:
        """Question whether a segment is not the last one."""
        return lambda: max(self.numbers(), default=0) > number

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def maintenance(self, wait: float) -> Iterator[FileLock]:
        """Hold the lock of those who change the log, waiting up to `wait` seconds.

        Raises IndexLocked, OSError.
        """
        from qembed.locks import FileLock, LockHeld

        self.folder.mkdir(exist_ok=True)
        try:
            with FileLock(self.folder / LOCK, wait, mode=MODE) as lock:
                yield lock
        except LockHeld as e:
            raise IndexLocked(
                f"another qembed (process {e.pid or 'unknown'}) is changing {self.folder} "
                "(wait for it: --wait SECONDS)"
            ) from None

    def replace_segment(self, number: int, lines: Iterable[bytes]) -> None:
        """Write other lines, with their ends, in place of a full segment's, in one rename; none remove it.

        For who holds `maintenance` and has begun a later segment.
        """
        path = self.path(number)
        new = path.with_name(path.name + ".tmp")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
        try:
            with os.fdopen(fd, "wb") as out:
                out.writelines(lines)
                out.flush()
                os.fsync(out.fileno())
                is_empty = out.tell() == 0
            if is_empty:
                path.unlink(missing_ok=True)
                new.unlink()
            else:
                os.replace(new, path)  # noqa: PTH105 - as everywhere where files are replaced
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _sync_folder(self.folder)

    def remove_leftovers(self) -> None:
        """Remove what processes that were killed in a write left. For who holds `maintenance`.

        What is derived from the log is written by queries too: only old files of that are left over.
        """
        for path in self.folder.glob("log-*.jsonl.tmp"):
            path.unlink(missing_ok=True)
        for path in self.folder.glob("*.jsonl-*.tmp"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > LEFT_SECONDS:
                    path.unlink()


def segment_lines(
    path: Path, is_full: Callable[[], bool] = lambda: True
) -> Generator[LogLine, None, bool]:
    """Finished lines of a segment, none if it is gone. Returns whether it is full. Raises OSError.

    `is_full`: True once no row is appended any more. A segment that becomes full while it is read is read to
    its end, so that rows of the next one have all rows before them.
    """
    try:
        file = path.open("rb", buffering=0)
    except FileNotFoundError:  # removed by who deleted all its rows
        return True
    with file:
        offset = number = 0
        while True:
            full = is_full()
            # at once: of a line that is cut off and written over meanwhile one would see half of each
            data = _read(file.fileno(), offset)
            begin = 0
            while (end := data.find(b"\n", begin)) >= 0:
                number += 1
                yield LogLine(path, number, data[begin:end])
                begin = end + 1
            offset += begin
            if full or not is_full():
                return full


def _read(fd: int, offset: int) -> bytes:
    """Bytes of a file from an offset on, up to its present size."""
    parts, left = [], os.fstat(fd).st_size - offset
    while left > 0 and (part := os.pread(fd, left, offset)):
        parts.append(part)
        left -= len(part)
        offset += len(part)
    return b"".join(parts)


def _lock(fd: int, until: float) -> None:
    """Lock a segment. Raises TimeoutError at the time `until`."""
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise TimeoutError("another process holds the log") from None
        time.sleep(_POLL_SECONDS)


def _is_named(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


_TAIL_BYTES = 1 << 16


def _cut_unfinished(fd: int) -> int:
    """Cut off an unfinished last line of a locked segment. Returns its size in bytes."""
    size = end = os.fstat(fd).st_size
    if not size or os.pread(fd, 1, size - 1) == b"\n":
        return size
    while end:
        begin = max(0, end - _TAIL_BYTES)
        found = os.pread(fd, end - begin, begin).rfind(b"\n")
        end = begin + found + 1
        if found >= 0:
            break
    os.ftruncate(fd, end)
    return end


def _write_line(fd: int, line: bytes) -> None:
    """Append a line to a locked segment, or nothing of it. Raises OSError."""
    size = os.fstat(fd).st_size
    try:
        if (written := os.write(fd, line)) != len(line):
            os.write(fd, line[written:])  # says why the first did not write all
            if os.fstat(fd).st_size != size + len(line):
                raise OSError("the line was written in part")
    except BaseException:
        with contextlib.suppress(OSError):
            os.ftruncate(fd, size)
        raise


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
