"""Rows: records to lines and back, and lines that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.feedback.log_reader import ROW_HEAD, check_log, count_rows, read_records
from qembed.feedback.log_rows import (
    RowError,
    UnknownVersion,
    encode_row,
    parse_line,
    row_of,
)
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import CLIENT_KINDS, Event, LoggedQuery, ShownHit

NAMES = st.text(min_size=1, max_size=8)  # lone surrogates among them
TIMES = st.floats(0, 4e9).map(lambda t: round(t, 3))
RANKS = st.integers(1, 1000)
HITS = st.builds(ShownHit, NAMES, RANKS, st.none() | st.floats(-1, 1))
OBJECTS = st.dictionaries(NAMES, st.none() | NAMES | st.integers() | st.lists(NAMES), max_size=3)
KINDS = st.sampled_from(CLIENT_KINDS)
QUERIES = st.builds(
    LoggedQuery, NAMES, st.text(), TIMES, st.lists(HITS).map(tuple), st.text(), KINDS, st.text(),
    st.text(), st.none() | st.integers(0, 99), OBJECTS, st.lists(RANKS).map(tuple),
)  # fmt: skip
EVENTS = st.builds(
    Event, NAMES, NAMES, NAMES, TIMES, st.text(), st.none() | RANKS, st.none() | st.floats(0, 1e6),
    st.text(), KINDS, st.text(), st.text(), st.floats(0.01, 1), st.text(), OBJECTS,
)  # fmt: skip


@given(QUERIES | EVENTS)
@pytest.mark.slow
def test_a_record_survives_its_line(record: LoggedQuery | Event) -> None:
    line = encode_row(row_of(record))
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert parse_line(line) == record
    head = ROW_HEAD.match(line)
    assert head is not None
    assert (head[2] == b"event") is isinstance(record, Event)
    assert float(head[3]) == record.time


GOOD = '{"v":1,"kind":"query","time":1,"query_id":"a","text":"x"'


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "not JSON"),
        (GOOD, "not JSON"),
        ("[1]", "no row"),
        ('{"a": 1}', "no row"),
        ('{"v":1,"kind":"query","query_id":"a","text":"x"}', "time: a number"),
        ('{"v":1,"kind":"query","time":NaN,"query_id":"a"}', "time: a number"),
        ('{"v":1,"kind":"query","time":1,"text":"x"}', "query_id: a text"),
        (GOOD + ',"shown":{}}', "shown: a list"),
        (GOOD + ',"shown":[1]}', "a hit that is no object"),
        (GOOD + ',"shown":[{"id":"a","rank":0}]}', "rank: a whole number from 1"),
        (GOOD + ',"client_kind":"robot"}', "client_kind 'robot' is none of person, agent, test"),
        (GOOD + ',"settings":[]}', "settings: an object"),
        ('{"v":1,"kind":"event","time":1,"query_id":"a","event_id":"e"}', "action: a text"),
    ],
)
def test_lines_that_are_no_rows(line: str, why: str) -> None:
    with pytest.raises(RowError, match=why) as told:
        parse_line(line.encode())
    assert not isinstance(told.value, UnknownVersion)


@pytest.mark.parametrize("line", ['{"v":2,"kind":"query"}', '{"v":1,"kind":"vote","time":1}'])
def test_rows_of_a_later_version_are_told_apart(line: str) -> None:
    with pytest.raises(UnknownVersion):
        parse_line(line.encode())


def test_a_field_of_a_later_qembed_is_no_mistake() -> None:
    assert parse_line((GOOD + ',"mood":"good"}').encode()) == LoggedQuery("a", "x", 1)


def test_a_log_is_counted_and_checked(tmp_path: Path) -> None:
    store = LogStore(tmp_path)
    query, event = LoggedQuery("q", "words", 50.0), Event("e", "q", "click", 60.0, "a")
    orphan = Event("f", "none", "click", 40.0, "a")
    store.append([encode_row(row_of(r)) for r in (query, event, event, orphan)])
    store.append([b"torn\n", b'{"v":3,"kind":"query","time":1}\n'])
    assert list(read_records(store)) == [query, event, event, orphan]
    assert list(read_records(store, ids=["f"])) == [orphan]
    assert list(read_records(store, ids=["q"])) == [query, event, event]
    assert list(read_records(store, ids=[])) == []
    counts = count_rows(store)
    assert (counts.queries, counts.events, counts.since, counts.until) == (2, 3, 1.0, 60.0)
    assert counts.bytes == store.path(1).stat().st_size
    found = check_log(store)
    assert found.torn == ["feedback/log-00000001.jsonl:5: not JSON"]
    assert dict(found.unknown) == {"version 3": 1}
    assert (found.orphans, found.twice) == (1, 1)
