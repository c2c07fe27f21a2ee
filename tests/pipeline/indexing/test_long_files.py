"""A long file of records, or of text: many commits while it is read, flat memory, true places."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import BatchPolicy, CommitPolicy, IndexOptions
from qembed.pipeline.indexing.summary import MAX_LISTED
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.store import Snapshot, Writer
from tests.bench.long_files import WRITERS
from tests.bench.long_files import index as index_process
from tests.pipeline.conftest import BAG, documents, index

pytestmark = pytest.mark.slow

RECORDS = 400
LARGE, SMALL = 80, 24
"""MB; both are more than one part."""
LONG_WORDS = ["a" * 30 + letter * 220 for letter in "bcdefghijkl"]
"""Few of them make much text: what counts words takes no time."""
SOON: dict[str, Any] = {
    "batches": BatchPolicy(min_passages=16, max_passages=16),
    "commits": CommitPolicy(rows=32),
}
"""Commits after a few rows."""
GROWTH = 190
"""MiB: what may be gathered between commits, 16 bytes a passage, and for many passages the process that makes
their graph; all of the larger file would be 260, without that process."""


def write(path: Path, n: int = RECORDS, word: str = "") -> None:
    lines = (json.dumps({"_id": f"r{i}", "text": f"record {i} {word}"}) for i in range(n))
    path.write_text("\n".join(lines))
    os.utime(path, (1.5e9, 1.5e9 + len(word)))


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> list[list[int]]:
    """The times in the catalog at each commit."""
    seen: list[list[int]] = []
    commit = Writer.commit

    def spied(self: Writer, catalog: Any, **changes: Any) -> Any:
        seen.append([line.mtime_ns for line in catalog.entries()])
        return commit(self, catalog, **changes)

    monkeypatch.setattr(Writer, "commit", spied)
    return seen


def test_a_file_has_no_time_until_it_was_read_to_its_end(
    tmp_path: Path, commits: list[list[int]]
) -> None:
    write(tmp_path / "r.jsonl")
    root = tmp_path / "idx"
    assert index(root, tmp_path / "r.jsonl", **SOON).passages["encoded"] == RECORDS
    assert len(commits) >= 5
    assert [len(times) for times in commits] == sorted(len(times) for times in commits)
    time = 1_500_000_000 * 10**9
    for times in commits:
        assert set(times) == ({time} if len(times) == RECORDS else {-time})
    assert len(commits[-1]) == RECORDS
    before = len(commits)
    assert index(root, **SOON).documents["unchanged"] == RECORDS
    assert len(commits) == before, "nothing was read, nothing was committed"


def test_one_that_was_given_up_half_way_is_read_again(
    tmp_path: Path, commits: list[list[int]]
) -> None:
    write(tmp_path / "r.jsonl")
    root = tmp_path / "idx"
    options = IndexOptions(
        paths=[str(tmp_path / "r.jsonl")], recipe=RecipeOptions(model=BAG), **SOON
    )
    first = build(root, options, Progress(stop=lambda: len(commits) >= 3))
    assert first.interrupted
    assert 0 < first.passages["encoded"] < RECORDS
    assert {t for times in commits for t in times} == {-1_500_000_000 * 10**9}
    second = index(root, **SOON)
    assert first.passages["encoded"] + second.passages["encoded"] == RECORDS
    assert set(commits[-1]) == {1_500_000_000 * 10**9}
    assert len(documents(root)) == RECORDS


def test_a_changed_file_is_held_against_what_it_was(
    tmp_path: Path, commits: list[list[int]]
) -> None:
    path, root = tmp_path / "r.jsonl", tmp_path / "idx"
    write(path)
    index(root, path, **SOON)
    lines = path.read_text().splitlines()
    changed = [*lines[250:], *lines[:200], '{"_id": "r7000", "text": "new"}']
    changed[3] = '{"_id": "r253", "text": "other"}'
    path.write_text("\n".join(changed))
    done = index(root, **SOON)
    assert done.documents == {
        "added": 1, "changed": 1, "moved": 0, "unchanged": 349, "deleted": 50, "failed": 0,
    }  # fmt: skip
    assert done.passages["encoded"] == 2
    fresh = tmp_path / "fresh"
    index(fresh, path, **SOON)
    assert documents(root) == documents(fresh)


def test_a_file_of_mistakes_is_told_of_in_a_thousand_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"text": "good"}\n' + '{"no": "text"}\n' * 5000)
    done = index(tmp_path / "idx", path)
    assert done.documents["failed"] == 5000
    assert len(done.failed) == MAX_LISTED + 1
    assert str(done.failed[0]) == f"{path}:2: no text"
    assert str(done.failed[-1]) == f"{path}: and 4,000 more like these"


def test_places_in_a_long_text_are_those_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qembed.corpus.readers import large_text

    monkeypatch.setattr(large_text, "MAX_WHOLE_BYTES", 5_000)
    monkeypatch.setattr(large_text, "PART_BYTES", 4_000)
    path, root = tmp_path / "a.log", tmp_path / "idx"
    text = "".join(f"line {n} of the long text\n\n" for n in range(1000))
    path.write_text(text)
    done = index(root, path)
    assert done.documents["added"] > 5
    check_places(root, text)
    path.write_text(text + "one more line\n")
    again = index(root)
    assert again.documents["changed"] == 1, "only the last part"
    text = "a line at the top\n" + text
    path.write_text(text)
    index(root)
    check_places(root, text)


def check_places(root: Path, text: str) -> None:
    with Snapshot.open(root) as snapshot:
        covered = 0
        for i, line in enumerate(snapshot.catalog.entries()):
            passages = snapshot.passages(snapshot.rows_of(np.array([i])))
            assert passages[0].line >= line.meta["line"]
            for p in passages:
                assert text[p.start : p.end] == p.text
                assert p.line == text.count("\n", 0, p.start) + 1
                assert p.end_line == text.count("\n", 0, p.end - 1) + 1
                covered += len(p.text.split())
        assert covered >= len(text.split())


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    peaks = []
    for size in (SMALL, LARGE):
        folder = tmp_path / str(size)
        folder.mkdir()
        WRITERS[name](folder / name, size * 10**6, LONG_WORDS)
        done = index_process(folder, name, "--chunker", "none")
        assert done.json["documents"]["added"] >= size // 8
        peaks.append(done.mib)
    assert peaks[1] - peaks[0] < GROWTH, peaks
