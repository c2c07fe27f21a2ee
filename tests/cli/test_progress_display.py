"""What is said while something takes long: on a terminal a bar, elsewhere a line now and then."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import termios
import threading

import pytest

from qembed.cli.progress_display import ProgressDisplay
from qembed.cli.render.units import size, span
from tests.cli.conftest import Shell
from tests.cli.terminal import on_terminal


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_lines_have_count_rate_and_time_left() -> None:
    clock = Clock()
    shown = ProgressDisplay(lambda _: None, bar=False, clock=clock)
    assert shown.line() == ""
    shown.phase("scan", "files", None)
    clock.now = 3
    assert shown.line() == "scan: 3s so far"
    shown.phase("encode", "passages", None)
    clock.now = 13
    shown.advance(640)
    assert shown.line() == "encode: 640 passages, 64/s"
    shown.expect(9_000)
    assert shown.line() == "encode: 640 of about 9,000 passages, 64/s, 2m 11s left"
    shown.phase("graph", "passages", 10)
    clock.now = 23
    shown.advance(5)
    assert shown.line() == "graph: 5 of 10 passages, 0.5/s, 10s left"
    shown.phase("rerank", "pairs", 3_000)
    clock.now = 25
    assert shown.line() == "rerank: 0 of 3,000 pairs, 2s so far"
    shown.phase("graph", "passages", 10)
    clock.now = 35
    shown.advance(5)
    shown.advance(5)
    assert shown.line() == "graph: 10 of 10 passages, 1/s"
    shown.expect(3)  # an estimate is never below what is done
    assert "10 of about 10" in shown.line()
    shown.advance(2)
    assert "12 of about 12" in shown.line()
    shown.phase("train", "steps", 40)
    shown.note("loss 1.2345")
    clock.now = 45
    shown.advance(20)
    assert shown.line() == "train: 20 of 40 steps, loss 1.2345, 2/s, 10s left"
    shown.phase("judge after", "passages", None)
    assert "loss" not in shown.line()


def test_sizes() -> None:
    assert [size(n) for n in (0, 1023, 1024, 5 << 20, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 KiB",
        "5.0 MiB",
        "3072.0 GiB",
    ]


def test_spans() -> None:
    assert [span(s) for s in (0.2, 59.4, 60, 3599, 7500)] == [
        "0s",
        "59s",
        "1m 00s",
        "59m 59s",
        "2h 05m",
    ]


def test_lines_come_from_a_thread_even_without_a_report() -> None:
    said: list[str] = []
    twice = threading.Event()

    def say(line: str) -> None:
        said.append(line)
        if len(said) == 2:
            twice.set()

    with ProgressDisplay(say, bar=False, interval=0.01) as shown:
        shown.phase("graph", "passages", 100)
        assert twice.wait(30)
    assert all(line.startswith("graph: ") for line in said)
    count = len(said)
    twice.wait(0.05)
    assert len(said) <= count + 1  # one may have been on its way


@pytest.fixture
def slow(shell: Shell) -> Shell:
    for n in range(150):
        shell.write(f"docs/{n}.md", f"a note of number {n}")
    return shell


def run_off_terminal(shell: Shell, *args: str) -> list[str]:
    """Lines on stderr of a run in which they come every hundredth of a second."""
    code = (
        "import qembed.cli.progress_display as p; p.ProgressDisplay.__init__.__defaults__ = "
        "(.01, p.time.monotonic); from qembed.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=shell.folder,
        env=shell.env(BAG_DELAY=".003", THINKING_DELAY=".1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


@pytest.mark.slow
def test_an_index_run_tells_passages_and_phases_off_a_terminal(slow: Shell) -> None:
    lines = run_off_terminal(slow, "index", "docs")
    counts = [
        m
        for line in lines
        if (m := re.match(r"qembed: encode: (\d+) of about (\d+) passages, ", line))
    ]
    assert counts, lines
    assert counts == sorted(counts, key=lambda m: int(m[1]))
    assert int(counts[-1][2]) == 150
    assert not [
        line for line in run_off_terminal(slow, "index", "--rebuild", "-q") if "encode" in line
    ]


@pytest.mark.slow
def test_a_run_with_known_passages_tells_of_those_to_encode(slow: Shell) -> None:
    assert slow("index", "docs").code == 0
    for n in range(120):
        slow.write(f"docs/new-{n}.md", f"another note of number {n}")
    lines = run_off_terminal(slow, "index", "docs", "--meta", "team=blue")
    counts = [line for line in lines if line.startswith("qembed: encode: ")]
    assert counts, lines
    for line in counts:
        assert (found := re.match(r"qembed: encode: (\d+) of about (\d+) passages, ", line)), line
        assert int(found[1]) <= 120
    assert found[2] == "120", "the last line"
    assert not [line for line in lines if re.match(r"qembed: load the model: \d+(,\d+)* ", line)]


@pytest.mark.slow
def test_evaluations_and_reranking_tell_theirs(collection: Shell) -> None:
    files = ["--queries", "q.jsonl", "--qrels", "qrels.tsv", "--mode", "dense", "--latency", "0"]
    lines = run_off_terminal(collection, "eval", *files, "--rerank", "py:tests.encoders:thinking")
    assert [line for line in lines if line.startswith("qembed: rerank: ")], lines
    lines = run_off_terminal(collection, "eval", *files, "--ablate", "mode")
    assert [line for line in lines if "search: " in line or "dense: " in line], lines


@pytest.mark.slow
def test_a_short_run_says_nothing_more_off_a_terminal(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    done = shell.process("index", "docs")
    assert done.err.splitlines() == ["qembed: loading bag-of-words"]


@pytest.mark.slow
def test_a_terminal_shows_the_passages_from_the_first_second(slow: Shell) -> None:
    screen, sent = on_terminal(slow, "index", "docs", BAG_DELAY=".01")
    text = sent.decode()
    assert re.search(r"encode: \d+ of (about )?150 passages, \S+/s(, \S+ left)?", text), text
    assert re.search(r"(words|graph):", text), text
    lines = [line.rstrip() for line in screen.display if line.strip()]
    assert lines[0] == "qembed: loading bag-of-words"
    assert lines[1].startswith("150 added"), lines


@pytest.mark.slow
def test_no_bar_is_drawn_into_a_question_or_a_quick_run() -> None:
    said: list[str] = []
    with ProgressDisplay(said.append, bar=True) as shown, shown.paused():
        shown.phase("scan", "files", None)
        assert not threading.Event().wait(0.8)
        assert shown._bar is None
    with ProgressDisplay(said.append, bar=True) as shown:
        shown.phase("scan", "files", None)
    assert shown._bar is None
    assert said == []


@pytest.mark.slow
def test_a_terminal_without_a_size_has_lines(slow: Shell) -> None:
    ours, theirs = pty.openpty()
    code = "from qembed.cli.console import Console; print(Console().bars)"
    for columns, lines, bars in ((100, 60, "True"), (0, 0, "False"), (90, 0, "False")):
        termios.tcsetwinsize(theirs, (lines, columns))
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=slow.env(),
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == bars
    os.close(ours)
    os.close(theirs)
