from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.query_groups import normalise_query
from qembed.feedback.records import Event, LoggedQuery
from qembed.feedback.text_hash import hash_text, make_key
from qembed.feedback.votes.memory import (
    ACTIONS,
    MEMORY_FILE,
    TAIL_BYTES,
    Remembered,
    VoteMemory,
    forget_memory,
)
from tests.feedback.logs import answer, event


class Verdict(NamedTuple):
    """Documents that come first, and that are not shown."""

    first: tuple[str, ...] = ()
    never: frozenset[str] = frozenset()


def append(root: Path, *records: LoggedQuery | Event, segment: int = 1 << 24) -> None:
    LogStore(root, segment).append([encode_row(row_of(r)) for r in records])


def told(root: Path, text: str = "refund") -> Verdict:
    memory = VoteMemory.open(root)
    found = Remembered() if memory is None else memory.of(text)
    return Verdict(found.first, found.never)


def vote(
    name: str, action: str, document: str = "a", client: str = "c", time: float = 101.0, **f: object
) -> Event:
    return event(name, action, document, time, client_id=client, **f)  # type: ignore[arg-type]


def test_no_log_and_no_vote_is_no_memory(tmp_path: Path) -> None:
    assert VoteMemory.open(tmp_path) is None
    assert not (tmp_path / "feedback").exists()
    append(tmp_path, answer("1"), event("1", "click", "a"))
    assert VoteMemory.open(tmp_path) is None


def test_votes_for_come_first_and_never_is_left_out(tmp_path: Path) -> None:
    append(tmp_path, answer("1", text="Refund?"))
    append(tmp_path, vote("1", "thumbs_up", "b"), vote("1", "never", "c"))
    append(tmp_path, vote("1", "thumbs_up", "d"), vote("1", "like", "d", "other"))
    for text in ("refund", " REFUND! "):
        assert told(tmp_path, text) == Verdict(("d", "b"), frozenset("c"))
    assert told(tmp_path, "refunds") == Verdict()


def test_the_last_vote_of_a_client_counts_once_and_contradictions_cancel(tmp_path: Path) -> None:
    append(tmp_path, answer("1"), answer("2"))
    for n in range(50):  # one client, again and again
        append(tmp_path, vote("1", "thumbs_up", "a", "loud", 101.0 + n))
    append(tmp_path, vote("2", "thumbs_down", "a", "other"))
    assert told(tmp_path) == Verdict()
    append(tmp_path, vote("2", "thumbs_up", "a", "third"))
    assert told(tmp_path).first == ("a",)
    append(tmp_path, vote("1", "never", "a", "loud", 900.0))
    assert told(tmp_path) == Verdict()  # one never, one vote for it
    append(tmp_path, vote("1", "allow", "a", "loud", 901.0), vote("1", "never", "e", "loud"))
    append(tmp_path, vote("1", "allow", "e", "loud", 50.0))  # older than the vote: too late
    assert told(tmp_path).never == {"e"}
    append(tmp_path, vote("1", "click", "e", "loud", 950.0))
    assert told(tmp_path).never == {"e"}


def test_judges_tests_and_unknown_queries_have_no_say(tmp_path: Path) -> None:
    append(
        tmp_path,
        answer("1"),
        vote("1", "thumbs_up", "a", source="judge"),
        vote("1", "thumbs_up", "b", client_kind="test"),
        vote("1", "thumbs_up", "c", weight=0.0),
        vote("none", "thumbs_up", "d"),
        event("1", "thumbs_up"),
    )
    assert VoteMemory.open(tmp_path) is None


def oracle(records: list[LoggedQuery | Event], text: str) -> Verdict:
    """The votes of a log by going through all of it."""
    texts: dict[str, str] = {}
    for r in records:
        if isinstance(r, LoggedQuery):
            texts.setdefault(r.query_id, r.text)
    last: dict[tuple[str, str], Event] = {}
    for r in records:
        if isinstance(r, Event) and r.action in ACTIONS and r.query_id in texts:
            if normalise_query(texts[r.query_id]) != normalise_query(text):
                continue
            key = r.object_id, r.client_id
            if key not in last or r.time >= last[key].time:
                last[key] = r
    first: list[tuple[int, float, str]] = []
    never = set()
    for document in sorted({d for d, _ in last}):
        said = [e for (d, _), e in last.items() if d == document]
        values = [ACTIONS[e.action] for e in said]
        if values.count(-2) > values.count(1):
            never.add(document)
        if (net := sum(np.sign(values))) > 0:
            first.append((-int(net), -max(e.time for e in said), document))
    return Verdict(tuple(d for _, _, d in sorted(first)), frozenset(never))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.slow
def test_the_memory_says_what_the_whole_log_says_whatever_happens_to_it(
    tmp_path: Path, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    records: list[LoggedQuery | Event] = []
    texts = ["refund", "Refund?", "invoice", "where is it"]
    for step in range(60):
        kind = rng.integers(10)
        if kind < 3 or not records:
            made: LoggedQuery | Event = answer(f"q{step}", text=str(rng.choice(texts)))
        else:
            asked = [r.query_id for r in records if isinstance(r, LoggedQuery)]
            action = str(rng.choice([*ACTIONS, "click"]))
            who, what = str(rng.choice(list("xyz"))), str(rng.choice(list("abc")))
            made = vote(str(rng.choice(asked)), action, what, who, 100.0 + float(rng.integers(50)))
        records.append(made)
        append(tmp_path, made, segment=2000)
        memory = tmp_path / "feedback" / MEMORY_FILE
        if rng.random() < 0.1:
            memory.unlink(missing_ok=True)
        elif rng.random() < 0.1 and memory.exists():
            memory.write_bytes(memory.read_bytes()[: int(rng.integers(200))])
        elif rng.random() < 0.1:
            store = LogStore(tmp_path)
            number = int(rng.choice(store.numbers()[:-1])) if len(store.numbers()) > 1 else 0
            if number:  # its first row is deleted
                forget_memory(tmp_path)  # as who deletes rows does
                lines = store.path(number).read_bytes().splitlines(keepends=True)
                store.replace_segment(number, lines[1:])
                gone = sum(
                    len(store.path(n).read_bytes().splitlines())
                    for n in store.numbers()
                    if n < number
                )
                del records[gone]
        if rng.random() < 0.5:
            for text in texts:
                assert told(tmp_path, text) == oracle(records, text)
    for text in texts:
        assert told(tmp_path, text) == oracle(records, text)


def test_a_torn_last_line_is_read_once_it_is_finished(tmp_path: Path) -> None:
    append(tmp_path, answer("1"))
    line = encode_row(row_of(vote("1", "thumbs_up", "b")))
    path = LogStore(tmp_path).path(1)
    with path.open("ab") as f:
        f.write(line[:40])
    assert told(tmp_path) == Verdict()
    with path.open("ab") as f:
        f.write(line[40:])
    assert told(tmp_path).first == ("b",)


def test_queries_without_votes_are_not_read_twice_nor_written_each_time(tmp_path: Path) -> None:
    append(tmp_path, answer("1"), vote("1", "thumbs_up", "b"))
    assert told(tmp_path).first == ("b",)
    path = tmp_path / "feedback" / MEMORY_FILE
    before = path.stat().st_ino
    append(tmp_path, answer("2"))
    assert told(tmp_path).first == ("b",)
    assert path.stat().st_ino == before
    long = answer("3", "".join(chr(0x4E00 + i) for i in range(900)))
    while LogStore(tmp_path).path(1).stat().st_size < TAIL_BYTES + 2000:
        append(tmp_path, *[long] * 20)
    assert told(tmp_path).first == ("b",)
    assert path.stat().st_ino != before  # brought up to date


def test_hashed_logs_remember_by_hash(tmp_path: Path) -> None:
    (tmp_path / "feedback").mkdir()
    key = make_key(tmp_path)
    append(tmp_path, answer("1", text=hash_text("refund", key)), vote("1", "thumbs_up", "b"))
    assert told(tmp_path, "refund").first == ("b",)
    assert told(tmp_path, " Refund? ").first == ("b",)  # by its normalised form
    assert told(tmp_path, "refunds") == Verdict()
    assert b"refund" not in (tmp_path / "feedback" / MEMORY_FILE).read_bytes()
    (tmp_path / "feedback/key").unlink()
    assert told(tmp_path, "refund") == Verdict()


def test_a_copied_index_and_a_forgotten_log_have_their_own_votes(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    append(tmp_path / "a", answer("1"))
    append(tmp_path / "a", vote("1", "thumbs_up", "b"))
    assert told(tmp_path / "a").first == ("b",)
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert told(tmp_path / "b").first == ("b",)
    (tmp_path / "b/feedback/log-00000001.jsonl").write_bytes(encode_row(row_of(answer("1"))))
    assert told(tmp_path / "b") == Verdict()
    forget_memory(tmp_path / "a")
    assert told(tmp_path / "a").first == ("b",)


def test_who_may_not_write_is_answered_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(tmp_path, answer("1"), vote("1", "thumbs_up", "b"))

    def refuse(*_: object, **__: object) -> int:
        raise PermissionError("read-only")

    with monkeypatch.context() as m:
        m.setattr(os, "replace", refuse)
        assert told(tmp_path).first == ("b",)
    names = {p.name for p in (tmp_path / "feedback").iterdir()}
    assert names == {"log-00000001.jsonl"}
