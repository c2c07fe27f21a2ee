"""Batches for each core: how many, and in which order their results come."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from qembed.models.onnx import core_batches, session
from qembed.models.onnx.core_batches import in_order, plan_batches
from qembed.models.onnx.session import batch_tokens


def test_few_texts_share_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "threads", lambda: 4)
    monkeypatch.setattr(core_batches, "threads", lambda: 4)
    assert plan_batches([240] * 3) == (1, batch_tokens())
    assert plan_batches([20] * 20) == (4, 128)
    assert plan_batches([240] * 4) == (4, 128)
    assert plan_batches([240] * 20) == (4, 150)
    assert plan_batches([240] * 200) == (4, 384)
    assert plan_batches([240] * 20, fewest=4800) == (4, 150)
    assert plan_batches([240] * 20, fewest=4801) == (1, batch_tokens())
    monkeypatch.setattr(core_batches, "threads", lambda: 1)
    assert plan_batches([240] * 20)[0] == 1


def test_results_come_in_order_and_an_end_cancels() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for i in range(100):
            taken.append(i)
            yield i

    assert list(in_order(lambda i: -i, range(30), 3)) == [(i, -i) for i in range(30)]
    with closing(in_order(lambda i: 1 // (i - 5), items(), 2)) as found:
        assert [next(found) for _ in range(5)] == [(i, 1 // (i - 5)) for i in range(5)]
        with pytest.raises(ZeroDivisionError):
            next(found)
    assert len(taken) <= 5 + 6  # no more than wait for two threads


def test_without_threads_to_begin_this_one_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    assert list(in_order(lambda i: -i, range(30), 3)) == [(i, -i) for i in range(30)]
    with pytest.raises(ZeroDivisionError):
        list(in_order(lambda i: 1 // (i - 5), range(30), 3))
