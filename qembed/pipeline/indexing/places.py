"""Document ids and what belongs to each, in 24 bytes an id: a file may hold millions of records.

A dict of a million ids takes 170 MB. Here an id is 16 bytes of a hash: new ones wait in a dict, and go from
there into sorted arrays, which are merged so that there are few of them and each is looked through once.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from qembed.store import text_hash

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

UNSORTED_ENTRIES = 1 << 17
"""Ids in the dict before it is emptied into arrays."""


class CompactIdMap:
    """str -> int (at most 2^63 - 1); the last number given to an id stands."""

    def __init__(self) -> None:
        self._new: dict[str, int] = {}
        self._sorted: list[_Sorted] = []

    def __setitem__(self, name: str, value: int) -> None:
        self._new[name] = value
        if len(self._new) >= UNSORTED_ENTRIES:
            self._settle()

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> int | None:
        """The number of an id, None if it has none."""
        value = self._new.get(name)
        if value is not None or not self._sorted:
            return value
        digest = text_hash(name)
        low, high = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
        for part in reversed(self._sorted):
            value = part.find(low, high)
            if value is not None:
                return value
        return None

    def _settle(self) -> None:
        import numpy as np

        digests = b"".join(map(text_hash, self._new))
        halves = np.frombuffer(digests, dtype="<u8").reshape(-1, 2)
        values = np.fromiter(self._new.values(), np.int64, len(self._new))
        self._new.clear()
        part = _Sorted(halves[:, 0], halves[:, 1], values)
        while self._sorted and len(self._sorted[-1]) < 8 * len(part):
            part = self._sorted.pop().merged(part)
        self._sorted.append(part)


class _Sorted:
    """Hashes in the order of their first halves. uint64 (n,), uint64 (n,), int64 (n,)."""

    def __init__(
        self,
        low: npt.NDArray[np.uint64],
        high: npt.NDArray[np.uint64],
        values: npt.NDArray[np.int64],
    ) -> None:
        import numpy as np

        order = np.argsort(low, kind="stable")
        # for single look-ups: numpy's own search takes longer to begin than bisect to end
        self._low = low[order].data
        self._high = high[order].data
        self._values = values[order].data

    def __len__(self) -> int:
        return len(self._low)

    def merged(self, later: _Sorted) -> _Sorted:
        """Both in one; of an id in both, what `later` says comes last."""
        import numpy as np

        def both(a: memoryview, b: memoryview) -> npt.NDArray[np.generic]:
            return np.concatenate([np.asarray(a), np.asarray(b)])

        return _Sorted(
            both(self._low, later._low),  # type: ignore[arg-type]
            both(self._high, later._high),  # type: ignore[arg-type]
            both(self._values, later._values),  # type: ignore[arg-type]
        )

    def find(self, low: int, high: int) -> int | None:
        found = None
        at = bisect_left(self._low, low)
        while at < len(self._low) and self._low[at] == low:
            if self._high[at] == high:
                found = int(self._values[at])
            at += 1
        return found
