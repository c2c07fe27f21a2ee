from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from qembed.errors import InputError
from qembed.feedback.agents.reader import read_traces
from tests.feedback.agents.otel import export, span

GOOD = '{"trace": "t1", "steps": [{"search": "refund", "hits": ["a"]}]}'
SEARCH = {"retrieval__query__text": "refund", "retrieval__documents": [{"id": "a"}]}


def test_bad_lines_are_named_and_the_rest_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl"
    lines = [
        GOOD.encode(),
        b"{torn",
        b"",
        b'{"trace": "t2", "steps": [{"read": ""}]}',
        b'{"trace": "\xff", "steps": []}',
        b"42",
        GOOD.encode(),
    ]
    path.write_bytes(b"\n".join(lines))
    found = read_traces([path])
    assert [t.id for t in found.traces] == ["t1"]
    assert found.repeated == 1
    assert found.problems == [
        f"{path}:2: not JSON",
        f"{path}:4: step 1: read: a text is wanted",
        f"{path}:5: not UTF-8 (byte 0xff)",
        f"{path}:6: an object with trace and steps is wanted",
    ]


def test_spans_of_a_trace_may_be_in_several_files_and_lines(tmp_path: Path) -> None:
    paths = [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]
    paths[0].write_text(
        json.dumps(export(span("retrieval", 1, **SEARCH)))
        + "\n"
        + json.dumps(export(span("chat", 2, usage__input_tokens=5)))
        + "\n"
    )
    paths[1].write_text(json.dumps(export(span("retrieval", 3, **SEARCH))) + "\n" + GOOD)
    found = read_traces(paths)
    assert [(t.id, len(t.steps), t.tokens) for t in found.traces] == [
        ("t1", 1, None),
        ("a" * 32, 2, 5),
    ]


def test_a_span_with_a_mistake_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "otlp.jsonl"
    bad = {**span("retrieval", 1, **SEARCH), "traceId": ""}
    wrong = {"retrieval__query__text": "refund", "retrieval__documents": [{"score": 1.0}]}
    lines = [
        export(bad),
        export(span("retrieval", 2, **SEARCH)),
        export(span("retrieval", 3, **wrong)),
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    found = read_traces([path])
    assert [len(t.steps) for t in found.traces] == [1]
    assert found.problems == [f"{path}:1: traceId is missing", f"{path}:3: hit 1: id is no text"]


@pytest.mark.parametrize("indent", [None, 2])
def test_a_file_may_be_one_value_or_a_list(tmp_path: Path, indent: int | None) -> None:
    path = tmp_path / "otlp.json"
    path.write_text(json.dumps(export(span("retrieval", 1, **SEARCH)), indent=indent))
    assert len(read_traces([path]).traces) == 1
    path.write_text(json.dumps([json.loads(GOOD)], indent=indent))
    assert len(read_traces([path]).traces) == 1
    path.write_text('{\n"trace": "t2", "steps": []\n}\n' + GOOD + "\n")
    assert [t.id for t in read_traces([path]).traces] == ["t2", "t1"]
    path.write_text("[1,\n{")
    assert read_traces([path]).problems == [f"{path}:2: not JSON"]


def test_compressed_files_and_byte_order_marks(tmp_path: Path) -> None:
    path = tmp_path / "traces.jsonl.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbf" + GOOD.encode()))
    assert len(read_traces([path]).traces) == 1


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_traces([tmp_path / "none.jsonl"])
