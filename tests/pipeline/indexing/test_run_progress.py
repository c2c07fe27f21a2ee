"""Progress of an indexing run: which phase it is in, and what it expects."""

from __future__ import annotations

import json
from typing import Any

from qembed.pipeline.indexing.encoding.run_progress import RunProgress, size_in_file
from qembed.pipeline.progress import Progress
from qembed.types import Document


def recorded(files: int, size: int) -> tuple[RunProgress, list[Any]]:
    told: list[Any] = []
    progress = Progress(
        phase=lambda *phase: told.append(phase),
        advance=lambda n: told.append(n),
        expect=lambda total: told.append(f"of {total}"),
    )
    return RunProgress(progress, files, size), told


def test_known_passages_are_none_of_those_to_encode() -> None:
    counts, told = recorded(files=3, size=900)
    counts.chunked(10, 300)
    counts.known(10)
    counts.file_read(300)
    assert told == [("read", "files", 3), 1]
    counts.chunked(10, 300)
    counts.known(4)
    counts.encoded(0)
    assert told[2:] == [("encode", "passages", None), "of 9"]  # 6 new ones in 600 bytes
    counts.encoded(6)
    counts.file_read(300)
    assert told[4:] == ["of 9", 6]
    counts.chunked(10, 300)
    counts.known(10)
    counts.file_read(300)
    counts.encoded(0)
    assert told[6:] == ["of 6", "of 6"]


def test_a_sample_of_a_batch_is_counted_once() -> None:
    counts, told = recorded(files=0, size=0)
    counts.chunked(10, 100)
    counts.encoded(0)
    counts.encoded(4)
    counts.come_again(4)
    counts.known(5)
    counts.encoded(5)
    assert [n for n in told if isinstance(n, int)] == [4, 5]
    assert told[-2] == "of 9", "one was known"


def test_without_files_all_passages_so_far_are_expected() -> None:
    counts, told = recorded(files=0, size=0)
    counts.encoded(0)
    counts.chunked(5, 100)
    counts.encoded(5)
    assert told == [("encode", "passages", None), "of 5", 5]


def test_a_record_takes_more_in_its_file_than_its_text() -> None:
    meta = {"team": "returns", "priority": 3, "url": "https://example.org/tickets/1"}
    record = Document("t-1", "The parcel came back.", "Parcel", meta, line=1)
    line = json.dumps({"_id": record.id, "title": record.title, "text": record.text, **meta})
    assert 0.8 < size_in_file(record) / len(line) < 1.25
    assert size_in_file(Document("a.md", "The parcel came back.")) == 21
    assert size_in_file(Document("a.md", "退钱")) == 6
