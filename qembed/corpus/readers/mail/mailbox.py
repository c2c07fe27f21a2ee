"""Mailboxes (mbox) to the bytes of their messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO


def messages(stream: BinaryIO, limit: int) -> Iterator[tuple[int, bytes]]:
    """(first line, bytes) of each message of a mailbox; `From ` behind an empty line begins one.

    Raises OSError for a message of more than `limit` bytes.
    """
    kept: list[bytes] = []
    size = 0
    first = 1
    before = b"\n"
    for number, line in enumerate(iter(lambda: stream.readline(limit + 1), b""), 1):
        if line.startswith(b"From ") and not before.strip():
            if size:
                yield first, b"".join(kept)
            kept, size, first = [], 0, number
        else:
            size += len(line)
            if size > limit:
                raise OSError("a message that is too large")
            kept.append(line[1:] if line.startswith(b">From ") else line)
        before = line
    if b"".join(kept).strip():
        yield first, b"".join(kept)
