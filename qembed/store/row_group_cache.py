"""What was decoded last, kept for the next query: neighbours in a shard are often asked for again."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

LIMIT = 64 << 20
"""Bytes kept at most, all shards of a generation together."""

Key: TypeAlias = tuple[int, int]
"""A shard's first row, and one of its row groups."""


class RowGroupCache:
    """Tables by their place, the ones not asked for the longest dropped first. Safe from several threads."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._size = 0
        self._held: OrderedDict[Key, Any] = OrderedDict()
        self._guard = threading.Lock()

    def get(self, key: Key, make: Callable[[], Any]) -> Any:
        """The pyarrow table at `key`, made if it is not held."""
        with self._guard:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        table = make()  # two threads may both make it: that costs time, waiting would too
        with self._guard:
            if key not in self._held:
                self._held[key] = table
                self._size += table.nbytes
            while self._size > self._limit and len(self._held) > 1:
                _, old = self._held.popitem(last=False)
                self._size -= old.nbytes
        return table
