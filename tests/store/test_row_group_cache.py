"""What was decoded last is kept, up to a size, and what is kept is what is there."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from qembed.store.row_group_cache import Key, RowGroupCache


def table(n: int) -> pa.Table:
    return pa.table({"x": pa.array(np.arange(n))})


def test_what_is_held_is_not_made_again() -> None:
    made: list[Key] = []
    recent = RowGroupCache()
    for key in ((0, 0), (0, 1), (0, 0), (0, 1)):
        found = recent.get(key, lambda key=key: made.append(key) or table(key[1] + 1))  # type: ignore[misc,func-returns-value]
        assert found.num_rows == key[1] + 1
    assert made == [(0, 0), (0, 1)]


def test_the_longest_unused_goes_first() -> None:
    made: list[Key] = []
    recent = RowGroupCache(limit=3 * table(100).nbytes)

    def ask(key: Key) -> None:
        recent.get(key, lambda: made.append(key) or table(100))  # type: ignore[func-returns-value]

    for g in (0, 1, 2, 0, 3):  # 1 is the one not asked for the longest
        ask((0, g))
    made.clear()
    for g in (0, 2, 3):
        ask((0, g))
    assert made == []
    ask((0, 1))
    assert made == [(0, 1)]


def test_a_table_larger_than_the_limit_is_given_all_the_same() -> None:
    recent = RowGroupCache(limit=1)
    assert recent.get((0, 0), lambda: table(1000)).num_rows == 1000
    assert recent.get((0, 1), lambda: table(10)).num_rows == 10


def test_what_is_dropped_is_made_again() -> None:
    recent = RowGroupCache(limit=3 * table(100).nbytes)
    before = [recent.get((0, g), lambda: table(100)) for g in range(3)]
    recent.clear()
    made: list[Key] = []
    for g in (0, 1, 2, 0):
        found = recent.get((0, g), lambda g=g: made.append((0, g)) or table(100))  # type: ignore[misc,func-returns-value]
        assert found.equals(before[g])
    assert made == [(0, 0), (0, 1), (0, 2)], "the size begins anew as well"


def test_an_error_is_not_remembered() -> None:
    recent = RowGroupCache()
    with pytest.raises(OSError, match="gone"):
        recent.get((0, 0), lambda: (_ for _ in ()).throw(OSError("gone")))
    assert recent.get((0, 0), lambda: table(3)).num_rows == 3


def test_threads_find_their_own() -> None:
    recent = RowGroupCache(limit=5 * table(50).nbytes)
    wrong: list[int] = []

    def work() -> None:
        for i in range(500):
            n = 1 + i % 17
            if recent.get((0, n), lambda n=n: table(n)).num_rows != n:  # type: ignore[misc]
                wrong.append(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong
