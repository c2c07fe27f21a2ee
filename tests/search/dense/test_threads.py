"""Calls in threads: results in order, and the first error once all have ended."""

from __future__ import annotations

import threading

import pytest

from qembed.search.dense.threads import run_threads, usable_cores


def test_results_are_in_the_order_of_the_calls() -> None:
    together = threading.Barrier(3, timeout=30)

    def call(i: int) -> int:
        together.wait()  # none ends before all have begun
        return i

    assert run_threads([lambda i=i: call(i) for i in range(3)]) == [0, 1, 2]  # type: ignore[misc]
    assert run_threads([]) == []
    assert usable_cores() >= 1


@pytest.mark.parametrize("which", [0, 1, 2])
def test_an_error_is_raised_once_all_calls_have_ended(which: int) -> None:
    ended = []

    def call(i: int) -> None:
        if i == which:
            raise ValueError(f"call {i}")
        ended.append(i)

    with pytest.raises(ValueError, match=f"call {which}"):
        run_threads([lambda i=i: call(i) for i in range(3)])  # type: ignore[misc]
    assert sorted(ended) == [i for i in range(3) if i != which]


def test_calls_run_here_where_no_more_threads_may_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    start, begun = threading.Thread.start, list[threading.Thread]()

    def limited(thread: threading.Thread) -> None:
        if begun:
            raise RuntimeError("can't start new thread")
        begun.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)
    assert run_threads([lambda i=i: i for i in range(4)]) == [0, 1, 2, 3]  # type: ignore[misc]
    assert len(begun) == 1
