"""Cache of decoded row groups: successive queries often read neighbouring rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

MAX_BYTES = 64 << 20
"""Size of the cache, for all shards of a generation together."""

Key: TypeAlias = tuple[int, int]
"""First row of a shard, and number of one of its row groups."""


class RowGroupCache:
    """Least recently used cache of row groups as tables. Thread-safe."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._size = 0
        self._tables: OrderedDict[Key, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key, make: Callable[[], Any]) -> Any:
        """Return the pyarrow table at `key`, made by `make` if it is not cached."""
        with self._lock:
            if key in self._tables:
                self._tables.move_to_end(key)
                return self._tables[key]
        table = make()  # without the lock: two threads may both make it
        with self._lock:
            if key not in self._tables:
                self._tables[key] = table
                self._size += table.nbytes
            while self._size > self._limit and len(self._tables) > 1:
                _, old = self._tables.popitem(last=False)
                self._size -= old.nbytes
        return table

    def clear(self) -> None:
        """Drop all tables, and what Arrow keeps of the memory that they had."""
        import pyarrow as pa

        with self._lock:
            self._tables.clear()
            self._size = 0
        pa.default_memory_pool().release_unused()
