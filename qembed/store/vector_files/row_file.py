"""File with one record for each row, all of one size, read without mapping it.

Mapped pages count as memory of the process, each with its neighbours. A buffer that is read into again and
again does not grow.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows

BATCH_BYTES = 3 << 20
"""Bytes of a batch: few calls, and the records stay in the cache of the core that computes with them."""
GAP_BYTES = 16 << 10
"""Bytes between two records up to which they are read too, instead of making another call."""
SPAN_BYTES = 1 << 20
"""Bytes beyond which records are not read together."""


class RowFile:
    """Open file with records of the rows [base, upto). It outlives its name. Thread-safe."""

    def __init__(self, path: Path, kind: np.dtype[Any], base: int, upto: int) -> None:
        """Open the file at `path`, whose records are of type `kind`. Raises OSError."""
        self.path, self.kind, self.base, self.upto = path, kind, base, upto
        self._fd = os.open(path, os.O_RDONLY)
        self._closed = weakref.finalize(self, os.close, self._fd)

    def close(self) -> None:
        """Close the file."""
        self._closed()

    def batches(
        self, start: int | None = None, stop: int | None = None
    ) -> Iterator[tuple[int, npt.NDArray[Any]]]:
        """Yield (first row, records) of the rows [start, stop). Each overwrites the one before."""
        import numpy as np

        size = self.kind.itemsize
        most = max(1, BATCH_BYTES // size)
        buffer = np.empty(most, dtype=self.kind)
        view = _bytes_of(buffer)
        end = self.upto if stop is None else stop
        for first in range(self.base if start is None else start, end, most):
            rows = min(most, end - first)
            self._read(view[: rows * size], first)
            yield first, buffer[:rows]

    def take(self, rows: Rows) -> npt.NDArray[Any]:
        """Read the records of rows that ascend, (n,)."""
        import numpy as np

        size = self.kind.itemsize
        found = np.empty(len(rows), dtype=self.kind)
        if not len(rows):
            return found
        for part in spans(rows, size):
            first = int(rows[part.start])
            span = np.empty(int(rows[part.stop - 1]) - first + 1, dtype=self.kind)
            self._read(_bytes_of(span), first)
            found[part] = span[rows[part] - first]
        return found

    def _read(self, into: memoryview, first: int) -> None:
        """Fill a buffer with the bytes from row `first` on. Raises IndexDamaged if the file ends before."""
        if not read_at(self._fd, into, (first - self.base) * self.kind.itemsize):
            raise IndexDamaged(
                f"{self.path} is shorter than its rows (qembed index --repair makes it anew)"
            )


def read_at(fd: int, into: memoryview, at: int) -> bool:
    """Fill a buffer with a file's bytes from `at` on; False if the file ends before. Raises OSError."""
    while len(into):
        got = os.preadv(fd, [into], at)
        if not got:
            return False
        into, at = into[got:], at + got
    return True


def spans(rows: Rows, size: int) -> Iterator[slice]:
    """Divide rows that ascend, records of `size` bytes, into slices that are read in one call each."""
    import numpy as np

    near = max(1, GAP_BYTES // size)
    cuts = np.flatnonzero(np.diff(rows) > near) + 1
    most = max(1, SPAN_BYTES // size)
    for begin, end in pairwise([0, *cuts.tolist(), len(rows)]):
        at = begin
        while at < end:
            stop = at + int(np.searchsorted(rows[at:end], int(rows[at]) + most))
            yield slice(at, stop)
            at = stop


def _bytes_of(records: npt.NDArray[Any]) -> memoryview:
    import numpy as np

    return memoryview(records.view(np.uint8).data)
