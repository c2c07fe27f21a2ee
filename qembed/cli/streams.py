"""Standard streams of a process: UTF-8, and usable also where the shell has closed them or they are full.

A closed descriptor is opened on the null device before anything else opens a file, which would otherwise
take its number: a library's message to stderr would then be written into that file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from io import BufferedReader, BufferedWriter, FileIO, RawIOBase, TextIOWrapper
from typing import Any, BinaryIO

from qembed.errors import InputError, StorageError, UsageError, refusal

STDIN, STDOUT, STDERR = 0, 1, 2
MAX_INPUT_BYTES = 64 << 20
"""Most that one text or file of sequences on stdin may have: a device without an end fills the memory."""
POLL_SECONDS = 0.1
"""Time between two questions whether to stop while there is no input."""


class ReaderGone(Exception):
    """Broken pipe of stdout: the reader (`| head -1`) has ended."""


class OutputError(StorageError):
    """Failed write to stdout: the disk is full, an I/O error."""


class Output(FileIO):
    """Raw stdout. Raises ReaderGone and OutputError in place of OSError."""

    def write(self, data: Any) -> int:
        """Write bytes; returns how many."""
        try:
            return super().write(data)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as e:
            raise OutputError(f"cannot write to stdout: {refusal(e)}") from None


class Messages(FileIO):
    """Raw stderr. Drops what cannot be written: a lost message changes no result and no exit code."""

    def write(self, data: Any) -> int:
        """Write bytes; returns how many."""
        try:
            return super().write(data)
        except OSError:
            return len(data)


def open_streams() -> None:
    """Put UTF-8 streams in the place of the process's stdout and stderr, whatever cron's locale says.

    Closed ones go to the null device. `sys.stdin` stays None if it is closed.
    """
    for fd in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(fd)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number: fd
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    sys.stdout = _text(Output(STDOUT, "w", closefd=False), "<stdout>")
    sys.stderr = _text(Messages(STDERR, "w", closefd=False), "<stderr>", lines=True)


def _text(raw: FileIO, name: str, lines: bool = False) -> TextIOWrapper:
    """Text stream over `raw`, flushed at each line on a terminal, if `lines`, and under `python -u`."""
    at_once = bool(os.environ.get("PYTHONUNBUFFERED"))
    raw.name = name
    return TextIOWrapper(
        BufferedWriter(raw),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=lines or raw.isatty() or at_once,
        write_through=at_once,
    )


class StoppableInput(RawIOBase):
    """Raw input of a descriptor, at its end once `stop` returns True: a signal ends the wait for more."""

    def __init__(self, fd: int, stop: Callable[[], bool]) -> None:
        self._fd = fd
        self._stop = stop

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for bytes and read some. Returns how many, 0 at the end."""
        import select

        while not self._stop():
            if select.select([self._fd], [], [], POLL_SECONDS)[0]:
                return os.readv(self._fd, [buffer])
        return 0


def standard_input(use: str = "-", stop: Callable[[], bool] | None = None) -> BinaryIO:
    """Binary stdin. `use`: the option or command that reads it. Raises UsageError if it is closed.

    `stop`: ends the input when it returns True.
    """
    if sys.stdin is None:
        raise UsageError(f"stdin is closed, and {use} reads from it")
    stream = sys.stdin.buffer
    if stop is None:
        return stream
    try:
        fd = stream.fileno()
    except OSError:  # a caller's stream in memory
        return stream
    return BufferedReader(StoppableInput(fd, stop))


def read_input() -> bytes:
    """All of stdin. Raises UsageError if it is closed, InputError if it does not end within a limit."""
    data = standard_input().read(MAX_INPUT_BYTES + 1)
    if len(data) > MAX_INPUT_BYTES:
        raise InputError(f"stdin does not end within {MAX_INPUT_BYTES >> 20} MiB")
    return data


def discard_output() -> None:
    """Send the rest of stdout to the null device, so that the flush at exit cannot fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.close(null)
