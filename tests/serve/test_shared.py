"""The server's encoder under many threads: a lone call's bits, fewer calls, errors where they belong."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from qembed.errors import EncodingError
from qembed.serve import shared as module
from qembed.serve.shared import GATHERED, SHORT, TOGETHER, Shared


@pytest.fixture
def one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much waits, it waits for the first call."""
    monkeypatch.setattr(module, "BATCHES", 1)


class Slow:
    """Each text's length as its vector. The first call waits until the test has seen the others arrive."""

    side_by_side = False

    def __init__(self, apart: bool) -> None:
        self.apart = apart
        self.calls: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """float32 (n, 1)"""
        self.calls.append(list(texts))
        self.began.set()
        assert self.go_on.wait(30)
        if "bad" in texts:
            raise EncodingError("the model gave NaN for the text 'bad'")
        return np.array([[len(t)] for t in texts], dtype=np.float32)


def meet(slow: Slow, later: Sequence[str]) -> dict[str, float | str]:
    """What threads get that ask for `later` while another text is being encoded."""
    shared = Shared(slow)
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
    joining = [t for t in later if slow.apart and len(t) <= SHORT]
    while len(shared._waiting) < len(joining):
        threading.Event().wait(0.005)
    slow.go_on.set()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    assert not shared._waiting
    return got


@pytest.mark.usefixtures("one_batch")
def test_what_waits_is_encoded_together() -> None:
    slow = Slow(apart=True)
    got = meet(slow, ["a", "bb", "ccc"])
    assert got == {"first": 5, "a": 1, "bb": 2, "ccc": 3}
    assert [len(c) for c in slow.calls] == [1, 3]


def test_where_it_would_change_the_bits_each_call_stays_alone() -> None:
    slow = Slow(apart=False)
    got = meet(slow, ["a", "bb", "ccc"])
    assert got == {"first": 5, "a": 1, "bb": 2, "ccc": 3}
    assert sorted(map(len, slow.calls)) == [1, 1, 1, 1]


@pytest.mark.usefixtures("one_batch")
def test_a_long_text_holds_up_no_short_one() -> None:
    slow, long = Slow(apart=True), "x" * (SHORT + 1)
    got = meet(slow, ["a", long, "bb"])
    assert got[long] == len(long)
    assert [long] in slow.calls
    assert [len(c) for c in slow.calls].count(2) == 1


@pytest.mark.usefixtures("one_batch")
def test_no_more_than_some_at_a_time() -> None:
    slow = Slow(apart=True)
    got = meet(slow, [f"text {i:02}" for i in range(TOGETHER + 5)])
    assert len(got) == TOGETHER + 6
    assert sorted(map(len, slow.calls)) == [1, 5, TOGETHER]


@pytest.mark.usefixtures("one_batch")
def test_an_error_is_its_own_callers() -> None:
    slow = Slow(apart=True)
    got = meet(slow, ["a", "bad", "ccc"])
    assert got == {"first": 5, "a": 1, "ccc": 3, "bad": "the model gave NaN for the text 'bad'"}


@pytest.mark.usefixtures("one_batch")
def test_a_failure_of_another_kind_leaves_nobody_waiting() -> None:
    class Broken(Slow):
        def encode(self, texts: Sequence[str]) -> np.ndarray:
            """Fails beside others."""
            if len(texts) > 1:
                raise RuntimeError("out of memory")
            return super().encode(texts)

    got = meet(Broken(apart=True), ["a", "bb"])
    assert got.pop("first") == 5
    # the thread that made the call has the error, the other its answer
    assert sorted(got.values(), key=str) in ([1, "out of memory"], [2, "out of memory"])


def test_what_was_asked_before_is_known() -> None:
    slow = Slow(apart=True)
    slow.go_on.set()
    shared = Shared(slow)
    first = shared.encode(["again"])
    first[:] = 0  # a caller's copy
    assert shared.encode(["again"])[0, 0] == 5
    assert slow.calls == [["again"]]


def test_enough_that_waits_is_a_second_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "threads", lambda: 2)
    began, go_on = threading.Semaphore(0), threading.Event()
    calls: list[list[str]] = []

    class Counting:
        """Each text's length as its vector, once the test lets it go on."""

        side_by_side = apart = True

        def encode(self, texts: Sequence[str]) -> np.ndarray:
            """float32 (n, 1)"""
            calls.append(list(texts))
            began.release()
            assert go_on.wait(30)
            return np.array([[len(t)] for t in texts], dtype=np.float32)

        encode_beside = encode

    shared = Shared(Counting())
    got: dict[str, float] = {}

    def ask(text: str) -> None:
        got[text] = float(shared.encode([text])[0, 0])

    def start(texts: Sequence[str]) -> list[threading.Thread]:
        threads = [threading.Thread(target=ask, args=(t,)) for t in texts]
        for t in threads:
            t.start()
        return threads

    running = start(["a"])
    assert began.acquire(timeout=30)
    running += start(["b" * n for n in range(2, 2 + GATHERED - 1)])
    assert not began.acquire(timeout=0.2), "too few for a second batch"
    running += start(["ccccccc"])
    assert began.acquire(timeout=30)
    running += start(["d" * n for n in range(10, 10 + GATHERED)])
    assert not began.acquire(timeout=0.2), "there are two already"
    go_on.set()
    for t in running:
        t.join(30)
    assert [len(c) for c in calls[:2]] == [1, GATHERED]
    assert got == {t: len(t) for c in calls for t in c}
    assert len(got) == 2 * GATHERED + 1
