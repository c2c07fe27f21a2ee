"""Vectors of texts that no generation holds yet."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.store.durable_files import storage_errors

if TYPE_CHECKING:
    from qembed.types import Vectors

IN_MEMORY = 8 << 20
"""Bytes of vectors that are kept in memory; with more, all are in a file."""


class RecentVectors:
    """Map from the hash of a text to its vector, float32 (dim,).

    Between two commits there can be 50,000 vectors, of which few are asked for again: in memory they would
    be a tenth of what a run takes. The file has no name, and its space is free when the process ends.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        """`folder`: of the file."""
        self._folder = folder
        self._dim = dim
        self._bytes = dim * 4
        self._places: dict[bytes, int] = {}
        self._file: tempfile.SpooledTemporaryFile[bytes] | None = None
        self._end = 0

    def add(self, keys: Sequence[bytes], vectors: Vectors) -> None:
        """Add `vectors`, (keys, dim). Raises StorageError if the file cannot be written."""
        import numpy as np

        if not len(keys):
            return
        with storage_errors(self._folder):
            if self._file is None:
                self._file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by clear
                    IN_MEMORY, mode="w+b", dir=str(self._folder)
                )
            self._file.seek(self._end * self._bytes)
            self._file.write(np.ascontiguousarray(vectors, dtype=np.float32).tobytes())
        self._places.update(zip(keys, range(self._end, self._end + len(keys)), strict=True))
        self._end += len(keys)

    def get(self, key: bytes) -> Vectors | None:
        """Vector of a text, None if it is not here. Raises StorageError."""
        import numpy as np

        place = self._places.get(key)
        if place is None or self._file is None:
            return None
        with storage_errors(self._folder):
            self._file.seek(place * self._bytes)
            return np.frombuffer(self._file.read(self._bytes), dtype=np.float32)

    def clear(self) -> None:
        """Drop all vectors, and the file."""
        self._places.clear()
        self._end = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        self.clear()  # a run that an error ended
