"""The log on disk: many writers, full segments, killed processes, disks that refuse."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qembed.errors import IndexLocked
from qembed.feedback.log_store import LogStore, segment_lines

WRITER = """
import sys, time
from pathlib import Path
from qembed.feedback.log_store import LogStore
root, name, seconds, segment, pad = sys.argv[1:]
store = LogStore(Path(root), int(segment))
print("ready", flush=True)
sys.stdin.readline()
until, n = time.monotonic() + float(seconds), 0
while time.monotonic() < until:
    line = ('{"writer":"%s","n":%d,"pad":"%s"}' % (name, n, "x" * (n * 5000011 % (int(pad) + 1)))).encode()
    store.append([line + b"\\n"])
    n += 1
print(n, flush=True)
"""


def start(
    root: Path, name: str, seconds: float, segment: int, pad: int = 300
) -> subprocess.Popen[str]:
    made = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), name, str(seconds), str(segment), str(pad)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def go(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    writer.stdin.write("go\n")
    writer.stdin.flush()


def written(store: LogStore) -> dict[str, list[int]]:
    """Numbers of each writer's lines, in the order of the log; raises for a torn line."""
    found: dict[str, list[int]] = {}
    for line in store.lines():
        row = json.loads(line.data)
        found.setdefault(row["writer"], []).append(row["n"])
    return found


@pytest.mark.slow
def test_ten_writers_a_reader_and_one_that_rewrites_lose_and_tear_no_line(tmp_path: Path) -> None:
    """Segments of 20 kB: each writer meets new ones, and rewritten ones, all the time."""
    writers = [start(tmp_path, f"w{i}", 2, 20_000) for i in range(10)]
    for w in writers:
        go(w)
    store = LogStore(tmp_path, 20_000)
    seen, rewritten = 0, 0
    while any(w.poll() is None for w in writers):
        found = written(store)
        assert all(ns == list(range(len(ns))) for ns in found.values())  # a prefix, nothing missing
        assert sum(map(len, found.values())) >= seen
        seen = sum(map(len, found.values()))
        with store.maintenance(1):
            last = store.begin_segment()
            for number in store.numbers():
                if number < last and number % 7 == rewritten % 7:
                    lines = [x.data + b"\n" for x in segment_lines(store.path(number))]
                    store.replace_segment(number, lines)
        rewritten += 1
    counts = {f"w{i}": int(w.communicate()[0]) for i, w in enumerate(writers)}
    assert written(store) == {name: list(range(n)) for name, n in counts.items()}
    assert sum(counts.values()) > 1000
    assert rewritten >= 1
    assert len(store.numbers()) > 10
    assert list(store.folder.glob("*.tmp")) == []


@pytest.mark.slow
def test_a_killed_writer_leaves_at_most_an_unfinished_line_that_the_next_cuts_off(
    tmp_path: Path,
) -> None:
    """Lines of up to 8 MB, so that SIGKILL hits writes."""
    chance = random.Random(3)
    store = LogStore(tmp_path, 1 << 40)
    unfinished = 0
    for turn in range(80):
        if turn >= 5 and unfinished >= 2:
            break
        writer = start(tmp_path, f"w{turn}", 60, 1 << 40, pad=8_000_000)
        go(writer)
        time.sleep(chance.uniform(0.02, 0.2))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        path = store.path(1)
        unfinished += path.exists() and path.stat().st_size > 0 and path.read_bytes()[-1:] != b"\n"
        before = written(store)
        LogStore(tmp_path, 1 << 40).append([b'{"writer":"next","n":%d}\n' % turn])
        after = written(store)
        assert after.pop("next") == list(range(turn + 1))
        before.pop("next", None)
        assert after == before
        assert all(ns == list(range(len(ns))) for ns in after.values())
        for number in store.numbers():
            store.path(number).write_bytes(
                b"".join(b'{"writer":"next","n":%d}\n' % n for n in range(turn + 1))
            )  # keeps the test small
    assert unfinished >= 2


def test_a_line_that_is_not_finished_is_not_read_and_not_continued(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append([b"one\n"])
    with store.path(1).open("ab") as f:
        f.write(b"tw" * 100_000)
    assert [x.data for x in store.lines()] == [b"one"]
    LogStore(tmp_path).append([b"three\n"])
    assert store.path(1).read_bytes() == b"one\nthree\n"


def test_a_first_line_that_is_not_finished_is_cut_off_too(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.folder.mkdir()
    store.path(1).write_bytes(b"x" * 200_000)
    store.append([b"one\n"])
    assert store.path(1).read_bytes() == b"one\n"


def test_full_segments_are_followed_by_others(tmp_path: Path) -> None:
    store = LogStore(tmp_path, 10)
    assert store.append([b"%d....\n" % n for n in range(8)]) == 8
    assert store.numbers() == [1, 2, 3, 4]
    assert [x.data[:1] for x in store.lines()] == [b"%d" % n for n in range(8)]
    assert [(x.path.name, x.number) for x in store.lines()][:3] == [
        ("log-00000001.jsonl", 1),
        ("log-00000001.jsonl", 2),
        ("log-00000002.jsonl", 1),
    ]


def test_a_writer_whose_segment_was_rewritten_appends_to_the_last_one(tmp_path: Path) -> None:
    store, other = LogStore(tmp_path), LogStore(tmp_path)
    store.append([b"one\n", b"two\n"])
    with other.maintenance(0):
        assert other.begin_segment() == 2
        other.replace_segment(1, [b"two\n"])
    store.append([b"three\n"])
    assert store.path(1).read_bytes() == b"two\n"
    assert store.path(2).read_bytes() == b"three\n"


def test_a_segment_without_rows_is_removed(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append([b"one\n"])
    with store.maintenance(0):
        store.begin_segment()
        assert store.begin_segment() == 2  # an empty one is new enough
        store.replace_segment(1, [])
    assert store.numbers() == [2]
    store.append([b"two\n"])
    assert [x.data for x in store.lines()] == [b"two"]


def test_a_reader_is_not_disturbed_by_a_rewriting(tmp_path: Path) -> None:
    store = LogStore(tmp_path, 10)
    store.append([b"%d....\n" % n for n in range(6)])
    reading = store.lines()
    assert next(reading).data == b"0...."
    with store.maintenance(0):
        store.begin_segment()
        for number in (1, 2, 3):
            store.replace_segment(number, [])
    assert next(reading).data == b"1...."  # of the segment that it has
    assert list(reading) == []


def test_two_do_not_change_a_log_at_once(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    with (
        store.maintenance(0),
        pytest.raises(IndexLocked, match=f"process {os.getpid()}"),
        LogStore(tmp_path).maintenance(0),
    ):
        pass


def test_what_a_killed_rewriting_left_is_removed(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append([b"one\n"])
    (store.folder / "log-00000001.jsonl.tmp").write_bytes(b"on")
    with store.maintenance(0):
        store.remove_leftovers()
    assert sorted(p.name for p in store.folder.iterdir()) == ["lock", "log-00000001.jsonl"]


FULL_DISK = """
import sys
from pathlib import Path
from qembed.feedback.log_store import LogStore
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
store = LogStore(Path(sys.argv[1]))
store.append([b"a" * 500 + b"\\n"])
try:
    store.append([b"b" * 800 + b"\\n"])
except OSError as e:
    print(e.strerror)
store.append([b"c\\n"])
"""


def test_of_a_line_for_which_there_is_no_room_nothing_is_written(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)], capture_output=True, text=True
    )
    assert done.stdout == "File too large\n", done.stderr
    assert LogStore(tmp_path).path(1).read_bytes() == b"a" * 500 + b"\nc\n"


def test_a_process_that_holds_the_log_is_not_waited_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    monkeypatch.setattr("qembed.feedback.log_store.WAIT_SECONDS", 0.1)
    store = LogStore(tmp_path)
    store.append([b"one\n"])
    with store.path(1).open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(TimeoutError, match="another process"):
            store.append([b"two\n"])
    store.append([b"three\n"])
    assert store.path(1).read_bytes() == b"one\nthree\n"


def test_who_may_search_may_not_read_the_log(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    store.append([b"one\n"])
    assert store.path(1).stat().st_mode & 0o777 == 0o600
