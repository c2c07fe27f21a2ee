"""Position in a file that is being read, for who stops before its end and wants to know how much that was."""

from __future__ import annotations

from typing import BinaryIO

from qembed.compression import share_taken


class ReadPosition:
    """Share of a file behind which a reader stands: by the bytes of its stream, or as the reader says.

    Of a packed file the bytes are the packed ones.
    """

    def __init__(self) -> None:
        self._stream: BinaryIO | None = None
        self._size = 0
        self._unpacked: BinaryIO | None = None
        self._told: float | None = None
        self.of_read = 1.0
        """Share of what was read from the stream that has been given out."""

    def follow(self, stream: BinaryIO, size: int, unpacked: BinaryIO | None = None) -> None:
        """Take the position in a stream of `size` bytes from now on. `unpacked`: from `decompress`."""
        self._stream, self._size, self._unpacked = stream, size, unpacked
        self._told, self.of_read = None, 1.0

    def set(self, done: int, total: int) -> None:
        """Say that `done` of `total` parts of the file are given out with the next one."""
        self._told = done / total

    def share(self) -> float | None:
        """Share of the file, above 0 and at most 1; None where it is not known, as behind a stream's end."""
        if self._told is not None:
            return self._told
        if self._stream is None or self._stream.closed or not self._size:
            return None
        try:
            taken = 1.0 if self._unpacked is None else share_taken(self._unpacked)
            read = taken * self._stream.tell() / self._size
        except OSError:  # the rest is damaged
            return None
        return self.of_read * read if 0 < read < 1 else None
