"""Access log: lines in order, gathered into few writes; what a stuck stderr does not take is counted."""

from __future__ import annotations

import json
import threading
import time

import pytest

from qembed.web.http import access_log
from qembed.web.http.access_log import AccessLog


def test_lines_come_in_order_by_few_writes() -> None:
    written: list[str] = []
    log = AccessLog(written.append)
    for i in range(500):
        log.add(n=i, nothing=None)
    log.close()
    lines = "\n".join(written).split("\n")
    assert [json.loads(line) for line in lines] == [{"n": i} for i in range(500)]
    assert len(written) < 50


def test_what_waits_at_the_end_is_written() -> None:
    written: list[str] = []
    log = AccessLog(written.append)
    log.add(n=1)
    time.sleep(access_log.GATHER_SECONDS / 2)
    log.add(n=2)
    log.close()
    assert "\n".join(written) == '{"n": 1}\n{"n": 2}'


def test_lines_that_a_stuck_stderr_does_not_take_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access_log, "WAITING_LINES", 5)
    free, stuck, written = threading.Event(), threading.Event(), list[str]()

    def write(text: str) -> None:
        stuck.set()
        free.wait(10)
        written.append(text)

    log = AccessLog(write)
    log.add(n=0)
    assert stuck.wait(10)
    for i in range(1, 9):
        log.add(n=i)
    free.set()
    until = time.monotonic() + 10
    while len(written) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    log.close()
    lines = [json.loads(line) for text in written for line in text.split("\n")]
    assert [line["n"] for line in lines if "n" in line] == [0, 1, 2, 3, 4, 5]
    assert [line["dropped_lines"] for line in lines if "n" not in line] == [3]


def test_a_closed_stderr_stops_nothing() -> None:
    def write(text: str) -> None:
        raise ValueError("I/O operation on closed file")

    log = AccessLog(write)
    log.add(n=1)
    log.add(n=2)
    log.close()
    assert not log._thread.is_alive()
