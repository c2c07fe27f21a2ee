"""Standard streams of a process: UTF-8, and usable also where the shell has closed them or they are full.

A closed descriptor is opened on the null device before anything else opens a file, which would otherwise
take its number: a library's message to stderr would then be written into that file.
"""

from __future__ import annotations

import os
import sys
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import Any, BinaryIO

from qembed.errors import StorageError, UsageError, refusal

STDIN, STDOUT, STDERR = 0, 1, 2


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


def standard_input(use: str = "-") -> BinaryIO:
    """Binary stdin. `use`: the option or command that reads it. Raises UsageError if it is closed."""
    if sys.stdin is None:
        raise UsageError(f"stdin is closed, and {use} reads from it")
    return sys.stdin.buffer


def discard_output() -> None:
    """Send the rest of stdout to the null device, so that the flush at exit cannot fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, STDOUT)
    os.close(null)
