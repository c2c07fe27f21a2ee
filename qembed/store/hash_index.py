"""Compact maps from strings or hashes to numbers, for millions of keys without a Python object each.

HashMap   16-byte hash -> number, written to and read from while an index is made
IdIndex   document id -> its position in a catalog, by the Arrow column of the ids
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows

    Keys = npt.NDArray[np.uint64]

DICT_ENTRIES = 1 << 17
"""Entries of a HashMap that are kept in a dict before they are moved into arrays."""
MERGE_RATIO = 8
"""Two runs of a HashMap are merged unless the older one has so many times the entries of the newer one."""
SORT_COST = 256
"""Passes over an unsorted run, comparing one key, that take as long as sorting it."""
BATCH_COST = 96
"""Passes for one key that take as long as a pass for a batch of keys."""
HASH_BLOCK = 1 << 16
"""Strings that are hashed at a time."""
FACTOR = 0x9E3779B97F4A7C15
"""Base of the polynomial hash. Odd, so that it has an inverse modulo 2^64."""
_MASK = (1 << 64) - 1


class _Run:
    """Entries with uint64 keys, immutable: scanned at first, sorted once there are enough look-ups.

    `low`: the keys, uint64 (n,). `high`: a second half of each key, if there is one. `values`: int64 (n,),
    or the value of the first entry where they are consecutive. Of equal keys the last entry is found first.
    """

    def __init__(self, low: Keys, high: Keys | None, values: Rows | int, sort_cost: int) -> None:
        self.low, self.high, self.values = low, high, values
        self._sort_cost = sort_cost
        self._scanned = 0
        self._sorted_low: memoryview | None = None
        if not sort_cost:
            self._sort()

    def __len__(self) -> int:
        return len(self.low)

    def _sort(self) -> None:
        import numpy as np

        order = np.argsort(self.low, kind="stable")
        self.low = self.low[order]
        self.high = None if self.high is None else self.high[order]
        self.values = self.values + order if isinstance(self.values, int) else self.values[order]
        # bisect on a memoryview: numpy's searchsorted has a higher cost a call
        self._sorted_low = self.low.data

    def _count(self, cost: int) -> None:
        self._scanned += cost
        if self._sorted_low is None and self._scanned > self._sort_cost:
            self._sort()

    def _value(self, at: int) -> int:
        return self.values + at if isinstance(self.values, int) else int(self.values[at])

    def find(self, low: int, high: int | None = None) -> Iterator[int]:
        """Values of a key, the last one first."""
        import numpy as np

        self._count(1)
        if self._sorted_low is None:
            for at in reversed(np.flatnonzero(self.low == np.uint64(low)).tolist()):
                if self.high is None or self.high[at] == high:
                    yield self._value(at)
            return
        at = bisect_right(self._sorted_low, low) - 1
        while at >= 0 and self._sorted_low[at] == low:
            if self.high is None or self.high[at] == high:
                yield self._value(at)
            at -= 1

    def find_all(self, low: Keys, high: Keys, found: Rows) -> None:
        """Write the value of each key that is here into `found`, int64 (keys,)."""
        import numpy as np

        self._count(BATCH_COST)
        low_half, high_half, values = self.low, self.high, self.values
        assert high_half is not None
        if self._sorted_low is None:  # sort only the entries whose first half is asked for
            wanted = np.sort(low)
            place = np.minimum(np.searchsorted(wanted, low_half), len(wanted) - 1)
            at = np.flatnonzero(wanted[place] == low_half)
            at = at[np.argsort(low_half[at], kind="stable")]
            low_half, high_half = low_half[at], high_half[at]
            values = values + at if isinstance(values, int) else values[at]
        assert not isinstance(values, int)
        ask = np.arange(len(low))
        place = np.searchsorted(low_half, low, side="right") - 1
        while len(ask):
            there = place >= 0
            there[there] = low_half[place[there]] == low[ask[there]]
            ask, place = ask[there], place[there]
            same = high_half[place] == high[ask]
            found[ask[same]] = values[place[same]]
            # keys that agree in their first halves only: look at the entry before
            ask, place = ask[~same], place[~same] - 1

    def merge(self, later: _Run) -> _Run:
        """Both runs as one sorted run; of equal keys those of `later` come last."""
        import numpy as np

        assert self.high is not None
        assert later.high is not None
        assert not isinstance(self.values, int)
        assert not isinstance(later.values, int)
        return _Run(
            np.concatenate([self.low, later.low]),
            np.concatenate([self.high, later.high]),
            np.concatenate([self.values, later.values]),
            sort_cost=0,
        )


class HashMap:
    """Map from 16-byte hashes to int64 values that are not negative, in 24 bytes an entry.

    A dict of a million hashes takes 170 MB. Here new entries wait in a dict and move from there into
    sorted arrays, which are merged so that there are few of them. Of equal keys the last entry counts.

    `dict_entries`: entries in the dict at most. `sort_cost`: see SORT_COST.
    """

    def __init__(self, dict_entries: int = DICT_ENTRIES, sort_cost: int = SORT_COST) -> None:
        self._new: dict[bytes, int] = {}
        self._runs: list[_Run] = []
        self._dict_entries = dict_entries
        self._sort_cost = sort_cost

    def __setitem__(self, key: bytes, value: int) -> None:
        self._new[key] = value
        if len(self._new) >= self._dict_entries:
            self._move_to_run()

    def __contains__(self, key: bytes) -> bool:
        return self.get(key) is not None

    def get(self, key: bytes) -> int | None:
        """Value of a hash, None if there is none."""
        value = self._new.get(key)
        if value is None and self._runs:
            low, high = int.from_bytes(key[:8], "little"), int.from_bytes(key[8:], "little")
            for run in reversed(self._runs):
                value = next(run.find(low, high), None)
                if value is not None:
                    break
        return value

    def get_all(self, keys: Sequence[bytes]) -> Rows:
        """Value of each hash, -1 where there is none: int64 (keys,)."""
        import numpy as np

        found = np.full(len(keys), -1, dtype=np.int64)
        if keys and self._runs:
            low, high = _halves(b"".join(keys))
            for run in self._runs:
                run.find_all(low, high, found)
        if self._new:
            for i, key in enumerate(keys):
                found[i] = self._new.get(key, found[i])
        return found

    def add_all(self, hashes: npt.NDArray[np.void], first: int) -> None:
        """Add hashes, V16 (n,), with the values first, first + 1, ….

        The array is kept, and copied only when many of its entries are looked up.
        """
        if self._new:
            self._move_to_run()
        if len(hashes):
            self._runs.append(_Run(*_halves(hashes), first, self._sort_cost))

    def _move_to_run(self) -> None:
        import numpy as np

        values = np.fromiter(self._new.values(), np.int64, len(self._new))
        run = _Run(*_halves(b"".join(self._new)), values, sort_cost=0)
        self._new.clear()
        while (
            self._runs
            and not isinstance(self._runs[-1].values, int)
            and len(self._runs[-1]) < MERGE_RATIO * len(run)
        ):
            run = self._runs.pop().merge(run)
        self._runs.append(run)


def _halves(hashes: Any) -> tuple[Keys, Keys]:
    """Two uint64 halves of 16-byte hashes, given as bytes or as an array; they share its memory."""
    import numpy as np

    halves = np.frombuffer(hashes, dtype="<u8").reshape(-1, 2)
    return halves[:, 0], halves[:, 1]


class IdIndex:
    """Positions of document ids in a catalog's id column, a pyarrow (chunked) array of strings.

    The ids are hashed all at once, 8 bytes each; a look-up compares the strings too.
    """

    def __init__(
        self, column: Any, sort_cost: int = SORT_COST, hash_block: int = HASH_BLOCK
    ) -> None:
        self._column = column
        self._run = _Run(string_hashes(column, hash_block), None, 0, sort_cost)

    def find(self, name: str) -> int | None:
        """Position of the last document with this id, None if there is none."""
        positions = self._run.find(string_hash(name.encode("utf-8", "surrogatepass")))
        return next((p for p in positions if self._column[p].as_py() == name), None)


# ── hashes of strings ────────────────────────────────────────────────────────────────────────────


def string_hashes(column: Any, block: int = HASH_BLOCK) -> Keys:
    """Polynomial hash of each string of a pyarrow (chunked) array: uint64 (n,).

    The sum of byte[i] * FACTOR^i modulo 2^64, of all strings at once by differences of prefix sums. Not
    collision resistant: callers compare the strings, too. `block`: strings hashed at a time.
    """
    import numpy as np

    chunks = column.chunks if hasattr(column, "chunks") else [column]
    parts = [
        _block_hashes(chunk.slice(at, block))
        for chunk in chunks
        for at in range(0, len(chunk), block)
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _block_hashes(array: Any) -> Keys:
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
    inverse = _powers(pow(FACTOR, -1, 1 << 64), len(text) + 1)
    found: Keys = (sums[offsets[1:]] - sums[offsets[:-1]]) * inverse[offsets[:-1]]
    return found


def string_hash(text: bytes) -> int:
    """Hash of `string_hashes` for one string in UTF-8."""
    found = 0
    for byte in reversed(text):
        found = (found * FACTOR + byte) & _MASK
    return found


def _powers(factor: int, n: int) -> Keys:
    """factor^0 … factor^(n - 1) modulo 2^64."""
    import numpy as np

    powers = np.full(n, factor, np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, out=powers)
