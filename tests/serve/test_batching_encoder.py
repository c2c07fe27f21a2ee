"""The batching encoder under many threads: the bits of single calls, in fewer calls, errors apart."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from qembed.errors import EncodingError
from qembed.protocols import EncoderInfo
from qembed.serve import batching_encoder as module
from qembed.serve.batching_encoder import (
    MAX_BATCHED_CHARS,
    MAX_BATCHED_REQUESTS,
    MAX_UNAWAITED_REQUESTS,
    BatchingEncoder,
)


class Slow:
    """Each text's length as its vector. The first call waits until the test has seen the others arrive."""

    def __init__(self, batch_invariant: bool) -> None:
        self.info = EncoderInfo(batch_invariant=batch_invariant)
        self.calls: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
        """float32 (n, 1)"""
        self.calls.append(list(texts))
        self.began.set()
        assert self.go_on.wait(30)
        if "bad" in texts:
            raise EncodingError("the model gave NaN for the text 'bad'")
        return np.array([[len(t)] for t in texts], dtype=np.float32)


def meet(
    slow: Slow, later: Sequence[str], pending: int = 2 * MAX_BATCHED_REQUESTS
) -> dict[str, float | str]:
    """Results of threads that ask for `later` while another text is encoded and requests are pending."""
    shared = BatchingEncoder(slow, lambda: pending)
    got: dict[str, float | str] = {}

    def ask(text: str) -> None:
        try:
            got[text] = float(shared.encode([text])[0, 0])
        except (EncodingError, RuntimeError) as e:
            got[text] = str(e)

    threads = [threading.Thread(target=ask, args=(t,)) for t in ("first", *later)]
    threads[0].start()
    assert slow.began.wait(30)
    for t in threads[1:]:
        t.start()
    joining = [t for t in later if slow.info.batch_invariant and len(t) <= MAX_BATCHED_CHARS]
    while len(shared._waiting) < len(joining):
        threading.Event().wait(0.005)
    slow.go_on.set()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    assert not shared._waiting
    return got


def test_waiting_texts_share_a_batch() -> None:
    slow = Slow(batch_invariant=True)
    got = meet(slow, ["a", "bb", "ccc"])
    assert got == {"first": 5, "a": 1, "bb": 2, "ccc": 3}
    assert [len(c) for c in slow.calls] == [1, 3]


def test_a_batch_takes_half_of_all_texts() -> None:
    slow = Slow(batch_invariant=True)
    got = meet(slow, [f"text {i:02}" for i in range(7)], pending=1)
    assert len(got) == 8
    assert list(map(len, slow.calls)) == [1, 4, 2, 1]


def test_without_batch_invariance_each_call_is_made_alone() -> None:
    slow = Slow(batch_invariant=False)
    got = meet(slow, ["a", "bb", "ccc"])
    assert got == {"first": 5, "a": 1, "bb": 2, "ccc": 3}
    assert sorted(map(len, slow.calls)) == [1, 1, 1, 1]


def test_a_long_text_does_not_delay_short_ones() -> None:
    slow, long = Slow(batch_invariant=True), "x" * (MAX_BATCHED_CHARS + 1)
    got = meet(slow, ["a", long, "bb"])
    assert got[long] == len(long)
    assert [long] in slow.calls
    assert [len(c) for c in slow.calls].count(2) == 1


def test_a_batch_has_a_maximum() -> None:
    slow = Slow(batch_invariant=True)
    got = meet(slow, [f"text {i:02}" for i in range(MAX_BATCHED_REQUESTS + 5)])
    assert len(got) == MAX_BATCHED_REQUESTS + 6
    assert sorted(map(len, slow.calls)) == [1, 5, MAX_BATCHED_REQUESTS]


def test_an_error_reaches_only_its_caller() -> None:
    slow = Slow(batch_invariant=True)
    got = meet(slow, ["a", "bad", "ccc"])
    assert got == {"first": 5, "a": 1, "ccc": 3, "bad": "the model gave NaN for the text 'bad'"}


def test_a_failed_batch_is_repeated_call_by_call() -> None:
    class Broken(Slow):
        def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
            """Fails beside others."""
            if len(texts) > 1:
                raise RuntimeError("out of memory")
            return super().encode(texts)

    assert meet(Broken(batch_invariant=True), ["a", "bb"]) == {"first": 5, "a": 1, "bb": 2}


def test_vectors_are_cached() -> None:
    slow = Slow(batch_invariant=True)
    slow.go_on.set()
    shared = BatchingEncoder(slow)
    first = shared.encode(["again"])
    first[:] = 0  # a caller's copy
    assert shared.encode(["again"])[0, 0] == 5
    assert slow.calls == [["again"]]


# ── told when it is done ─────────────────────────────────────────────────────────────────────────


class Counting:
    """Each text's length as its vector; remembers calls, and whether they took half of the cores."""

    def __init__(self, batch_invariant: bool = True) -> None:
        self.info = EncoderInfo(batch_invariant=batch_invariant, thread_safe=True)
        self.calls: list[tuple[list[str], bool]] = []

    def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
        """float32 (n, 1)"""
        self.calls.append((list(texts), half_cores))
        if "bad" in texts:
            raise EncodingError("the model gave NaN for the text 'bad'")
        return np.array([[len(t)] for t in texts], dtype=np.float32)


class Told:
    """A callback for `start`; `wait` for a number of calls."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self._calls = threading.Semaphore(0)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self._calls.release()

    def wait(self, calls: int, seconds: float = 30) -> bool:
        return all(self._calls.acquire(timeout=seconds) for _ in range(calls))


def test_a_batch_waits_for_pending_requests() -> None:
    encoder, told, pending = Counting(), Told(), 3 + MAX_UNAWAITED_REQUESTS
    shared = BatchingEncoder(encoder, lambda: pending)
    assert shared.start(["a"], told)
    assert shared.start(["bb"], told)
    assert not told.wait(1, 0.2)
    assert not encoder.calls
    pending = 2 + MAX_UNAWAITED_REQUESTS
    shared.notify()
    assert told.wait(2)
    assert encoder.calls == [(["a", "bb"], True)]
    assert all(s > 0 for s in told.seconds)
    assert shared.encode(["bb"])[0, 0] == 2
    assert len(encoder.calls) == 1


def test_only_a_single_call_uses_all_cores() -> None:
    encoder, told, pending = Counting(), Told(), 0
    shared = BatchingEncoder(encoder, lambda: pending)
    assert shared.start(["a"], told)
    assert told.wait(1)
    pending = 1
    assert shared.start(["bb"], told)
    assert told.wait(1)
    assert [beside for _, beside in encoder.calls] == [False, True]


def test_cached_texts_call_back_at_once() -> None:
    encoder, told = Counting(), Told()
    shared = BatchingEncoder(encoder, lambda: 9)
    shared._remember(("a",), np.ones((1, 1), np.float32))
    assert shared.start(["a"], told)
    assert shared.start([], told)
    assert told.seconds == [0.0, 0.0]
    assert not encoder.calls


@pytest.mark.parametrize(
    ("batch_invariant", "text"), [(False, "a"), (True, "a" * (MAX_BATCHED_CHARS + 1))]
)
def test_texts_that_need_their_own_call_are_not_queued(batch_invariant: bool, text: str) -> None:
    encoder, told = Counting(batch_invariant), Told()
    shared = BatchingEncoder(encoder)
    assert not shared.start([text], told)
    assert shared.encode([text])[0, 0] == len(text)
    assert not told.seconds


def test_an_error_is_raised_by_the_later_encode() -> None:
    encoder, told, pending = Counting(), Told(), 9
    shared = BatchingEncoder(encoder, lambda: pending)
    assert shared.start(["bad"], told)
    assert shared.start(["good"], told)
    pending = 0
    shared.notify()
    assert told.wait(2)
    assert shared.encode(["good"])[0, 0] == 4
    with pytest.raises(EncodingError, match="bad"):
        shared.encode(["bad"])


def test_an_idle_thread_ends_and_another_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "THREAD_IDLE_SECONDS", 0.05)
    shared = BatchingEncoder(Counting())
    for text in ("a", "bb"):
        assert shared.encode([text])[0, 0] == len(text)
        for _ in range(600):
            if not shared._thread_runs:
                break
            threading.Event().wait(0.05)
        assert not shared._thread_runs


def test_a_blocked_caller_does_not_wait_for_pending_requests() -> None:
    """It may be a pending request itself."""
    encoder, told = Counting(), Told()
    shared = BatchingEncoder(encoder, lambda: 1000)
    assert shared.start(["a"], told)
    assert shared.encode(["bb"])[0, 0] == 2
    assert told.wait(1)
    assert encoder.calls == [(["a", "bb"], True)]


def test_a_batch_is_encoded_after_the_idle_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if no notification comes."""
    monkeypatch.setattr(module, "THREAD_IDLE_SECONDS", 0.05)
    told = Told()
    assert BatchingEncoder(Counting(), lambda: 1000).start(["a"], told)
    assert told.wait(1)


def test_it_encodes_without_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    shared, told = BatchingEncoder(Counting()), Told()
    assert not shared.start(["a"], told)
    assert shared.encode(["a"])[0, 0] == 1
