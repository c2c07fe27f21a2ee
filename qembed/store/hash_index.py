"""Which document has an id, among millions, without a Python object for each of them."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FACTOR = 0x9E3779B97F4A7C15
"""Odd, so that it has an inverse modulo 2^64: the golden ratio's digits."""
MASK = (1 << 64) - 1
HASH_BLOCK = 1 << 16
"""Strings that are hashed at a time."""
LOOKUPS_BEFORE_SORTING = 1000
"""Look-ups before the hashes are sorted: looking through a million takes half a millisecond."""


def hashes(column: Any) -> npt.NDArray[np.uint64]:
    """uint64 (n,): for each string of a pyarrow (chunked) array the sum of byte_i * FACTOR^i modulo 2^64.

    Of all strings at once, by differences of running sums. Whoever wants to can find two strings that agree:
    a look-up compares the strings too.
    """
    import numpy as np

    chunks = column.chunks if hasattr(column, "chunks") else [column]
    parts = [
        _block(chunk.slice(at, HASH_BLOCK))
        for chunk in chunks
        for at in range(0, len(chunk), HASH_BLOCK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _block(array: Any) -> npt.NDArray[np.uint64]:
    import numpy as np
    import pyarrow as pa

    width = np.int64 if pa.types.is_large_string(array.type) else np.int32
    _, ends, data = array.buffers()
    offsets = np.frombuffer(ends, width)[array.offset : array.offset + len(array) + 1]
    offsets = offsets.astype(np.int64)
    text = np.frombuffer(data or b"", np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    sums = np.zeros(len(text) + 1, np.uint64)
    np.cumsum(text * _powers(FACTOR, len(text)), out=sums[1:])
    back = _powers(pow(FACTOR, -1, 1 << 64), len(text) + 1)
    found: npt.NDArray[np.uint64] = (sums[offsets[1:]] - sums[offsets[:-1]]) * back[offsets[:-1]]
    return found


def _hash(text: bytes) -> int:
    """The same of a single string, without the detour through arrays."""
    found = 0
    for byte in reversed(text):
        found = (found * FACTOR + byte) & MASK
    return found


def _powers(factor: int, n: int) -> npt.NDArray[np.uint64]:
    """factor^0 … factor^(n - 1) modulo 2^64."""
    import numpy as np

    powers = np.full(n, factor, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, out=powers)


class IdIndex:
    """The ids of a catalog, as its column has them."""

    def __init__(self, column: Any) -> None:
        self._column = column
        self._hashes = hashes(column)
        self._sorted: tuple[memoryview, npt.NDArray[np.int64]] | None = None
        self._asked = 0

    def find(self, name: str) -> int | None:
        """The position of the last document of this id, None if there is none."""
        import numpy as np

        wanted = _hash(name.encode("utf-8", "surrogatepass"))
        self._asked += 1
        if self._sorted is None and self._asked > LOOKUPS_BEFORE_SORTING:
            order = np.argsort(self._hashes, kind="stable")
            self._sorted = self._hashes[order].data, order
        if self._sorted is None:
            places = np.flatnonzero(self._hashes == np.uint64(wanted)).tolist()
        else:
            values, order = self._sorted
            # for single look-ups: numpy's own search takes longer to begin than bisect to end
            at = first = bisect_left(values, wanted)
            while at < len(values) and values[at] == wanted:
                at += 1
            places = order[first:at].tolist()
        return next((p for p in reversed(places) if self._column[p].as_py() == name), None)
