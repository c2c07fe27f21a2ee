"""Rows deleted from a log while its disk fails, its process dies and others append."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qembed.errors import StorageError
from qembed.feedback.log_reader import read_records
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from qembed.paths import MANIFEST
from qembed.pipeline.feedback.forget_records import forget_records

WHERE = ["client_id = 'gone'"]


def make(root: Path, queries: int, segment_bytes: int) -> LogStore:
    """A log in which every other query and its events are of the client `gone`."""
    root.mkdir(exist_ok=True)
    (root / MANIFEST).touch()  # the log asks only whether there is an index
    store = LogStore(root, segment_bytes)
    for n in range(queries):
        client = "gone" if n % 2 else "kept"
        rows = (
            LoggedQuery(f"q{n}", "words", float(n), client_id=client),
            Event(f"e{n}", f"q{n}", "click", n + 0.5, "a", client_id="other"),
        )
        store.append([encode_row(row_of(r)) for r in rows])
    return store


def ids(store: LogStore) -> list[str]:
    def torn(line: object, why: object) -> None:
        raise AssertionError(line, why)

    return [getattr(r, "event_id", "") or r.query_id for r in read_records(store, torn)]


def left(queries: int, *, client: int = 0) -> list[str]:
    return [f"{kind}{n}" for n in range(client, queries, 2) for kind in "qe"]


class Died(BaseException):
    """Stands for a killed process."""


@pytest.mark.parametrize("kind", ["fails", "dies"])
@pytest.mark.slow
def test_whatever_fails_nothing_else_is_lost_and_another_call_ends_it(
    tmp_path: Path, kind: str
) -> None:
    make(tmp_path / "whole", 12, 300)
    said: set[str] = set()
    for n in itertools.count(1):
        root = tmp_path / str(n)
        shutil.copytree(tmp_path / "whole", root)
        store, calls = LogStore(root, 300), itertools.count(1)

        def broken(real):  # type: ignore[no-untyped-def]
            def call(*args, **more):  # type: ignore[no-untyped-def]
                if next(calls) == n:  # noqa: B023
                    raise Died if kind == "dies" else OSError(28, "No space left on device")
                return real(*args, **more)

            return call

        with pytest.MonkeyPatch.context() as patch:
            for name in ("fsync", "replace", "unlink"):
                patch.setattr(os, name, broken(getattr(os, name)))
            try:
                forget_records(root, WHERE)
                reached = False
            except Died:
                reached = True
            except StorageError as e:
                reached = True
                said.add(str(e).partition(": ")[2].partition(";")[0])
        found = ids(store)
        assert [i for i in found if int(i[1:]) % 2 == 0] == left(12)
        assert len(set(found)) == len(found)
        assert found == sorted(found, key=lambda i: (int(i[1:]), i[0] == "e"))
        again = forget_records(root, WHERE, unreadable=True)
        assert ids(store) == left(12)
        assert list(store.folder.glob("*.tmp")) == []
        if not reached:
            assert again.queries == 0
            break
    assert n > 6
    wanted = {"the disk is full (the log holds what was not rewritten yet"}
    assert said == (wanted if kind == "fails" else set())


FORGET = """
import sys
from pathlib import Path
from qembed.pipeline.feedback.forget_records import forget_records
print("ready", flush=True)
sys.stdin.readline()
forget_records(Path(sys.argv[1]), ["client_id = 'gone'"])
"""


@pytest.mark.slow
def test_a_killed_call_while_others_append(tmp_path: Path) -> None:
    make(tmp_path / "whole", 400, 2000)
    chance = random.Random(5)
    for turn in range(4):
        root = tmp_path / str(turn)
        shutil.copytree(tmp_path / "whole", root)
        store = LogStore(root, 2000)
        with subprocess.Popen(
            [sys.executable, "-c", FORGET, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            process.stdout.readline()
            process.stdin.write(b"go\n")
            process.stdin.flush()
            until, added = time.monotonic() + chance.uniform(0.01, 0.2), 0
            while time.monotonic() < until:
                store.append([encode_row(row_of(LoggedQuery(f"q{1000 + added}", "new", 1.0)))])
                added += 1
            process.kill()
        found = ids(store)
        old = [i for i in found if int(i[1:]) < 1000]
        assert [i for i in old if int(i[1:]) % 2 == 0] == left(400)
        assert [i for i in found if int(i[1:]) >= 1000] == [f"q{1000 + n}" for n in range(added)]
        forget_records(root, WHERE, unreadable=True)
        assert [i for i in ids(store) if int(i[1:]) < 1000] == left(400)
        assert len(ids(store)) == len(left(400)) + added


def test_a_reader_that_is_under_way_is_not_disturbed(tmp_path: Path) -> None:
    store = make(tmp_path, 40, 1000)
    reading = read_records(store)
    first = next(reading)
    forget_records(tmp_path, WHERE)
    rest = [getattr(r, "event_id", "") or r.query_id for r in reading]
    assert isinstance(first, LoggedQuery)
    assert {i for i in rest if int(i[1:]) % 2 == 0} == set(left(40)) - {first.query_id}
