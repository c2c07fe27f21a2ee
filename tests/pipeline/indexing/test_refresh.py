"""However an index came to be, it equals one built from scratch; and only what changed was encoded."""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qembed.store import Snapshot
from qembed.types import Unreadable
from tests.pipeline.conftest import documents, index

NAMES = ["a.md", "b.txt", "sub/c.md", "sub/deep/d.txt", "r.jsonl"]
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"]

names = st.sampled_from(NAMES)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join)
steps = st.one_of(
    st.tuples(st.just("write"), names, texts),
    st.tuples(st.just("move"), names, names),
    st.tuples(st.just("delete"), names, st.none()),
    st.tuples(st.just("touch"), names, st.integers(-5, 5)),
    st.tuples(st.just("refresh"), st.none(), st.none()),
    st.tuples(st.just("rebuild"), st.none(), st.none()),
)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".jsonl"):
        words = dict.fromkeys(text.split())
        text = "".join(f'{{"_id": "{w}", "title": "T", "text": "{w} {text}"}}\n' for w in words)
    elif name.endswith(".md"):
        text = f"# {text.split()[0]}\n\n{text}\n"
    path.write_text(text)


def act(folder: Path, step: tuple) -> None:  # type: ignore[type-arg]
    what, name, detail = step
    if what == "write":
        write(folder, name, detail)
    elif what == "move" and (folder / name).exists() and Path(name).suffix == Path(detail).suffix:
        (folder / detail).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).replace(folder / detail)
    elif what == "delete":
        (folder / name).unlink(missing_ok=True)
    elif what == "touch" and (folder / name).exists():
        at = (folder / name).stat().st_mtime_ns + detail * 10**9
        os.utime(folder / name, ns=(at, at))


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(steps, min_size=1, max_size=12))
@pytest.mark.slow
def test_any_history_ends_like_a_fresh_index(history: list[tuple]) -> None:  # type: ignore[type-arg]
    work = Path(tempfile.mkdtemp())
    try:
        folder, root = work / "docs", work / "idx"
        write(folder, "always.md", "here")
        index(root, folder)
        for step in history:
            act(folder, step)
            if step[0] == "refresh":
                index(root)
            elif step[0] == "rebuild":
                index(root, rebuild=True)
        index(root)
        fresh = work / "fresh"
        index(fresh, folder)
        assert documents(root) == documents(fresh)
        again = index(root)
        assert again.passages["encoded"] == 0
        assert documents(root) == documents(fresh)
    finally:
        shutil.rmtree(work)


def test_only_the_changed_passages_of_a_changed_file_are_encoded(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    paragraphs = [f"paragraph {i} " + f"word{i} " * 150 for i in range(10)]
    (folder / "long.txt").write_text("\n\n".join(paragraphs))
    first = index(root, folder)
    assert first.passages["encoded"] >= 10
    paragraphs[7] = "something else " + "entirely " * 150
    (folder / "long.txt").write_text("\n\n".join(paragraphs))
    second = index(root)
    assert second.documents["changed"] == 1
    assert 0 < second.passages["encoded"] <= 3
    assert second.passages["encoded"] + second.passages["reused"] == second.passages["total"]


def test_a_text_that_is_there_already_is_not_encoded_again(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    (folder / "a.txt").write_text("the same words")
    (folder / "b.txt").write_text("the same words")
    passages = index(root, folder).passages
    assert (passages["total"], passages["encoded"], passages["reused"]) == (2, 1, 1)
    (folder / "c.txt").write_text("the same words")
    assert index(root).passages["encoded"] == 0


def test_deleted_and_brought_back_is_not_encoded_again(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    (folder / "b.txt").write_text("two")
    index(root, folder)
    (folder / "b.txt").unlink()
    assert index(root).documents["deleted"] == 1
    (folder / "b.txt").write_text("two")
    back = index(root)
    assert back.documents["added"] == 1
    assert back.passages["encoded"] == 0


def test_a_change_of_the_same_size_within_the_clock_s_resolution_is_seen(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    path = folder / "a.txt"
    path.write_text("one")
    index(root, folder)
    stat = path.stat()
    path.write_text("two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert index(root).documents["changed"] == 1
    assert documents(root)["a.txt"] == ("", [(0, 3, "two")])


def test_a_clock_that_runs_backwards(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    path = folder / "a.txt"
    path.write_text("one")
    os.utime(path, ns=(10**18, 10**18))
    index(root, folder)
    path.write_text("two")
    os.utime(path, ns=(10**17, 10**17))
    assert index(root).documents["changed"] == 1


def test_a_change_that_keeps_size_and_time(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    path = folder / "a.txt"
    path.write_text("one")
    os.utime(path, ns=(10**18, 10**18))
    index(root, folder)
    assert index(root).documents["unchanged"] == 1
    time.sleep(0.02)  # the clock of file systems is coarse
    path.write_text("two")
    os.utime(path, ns=(10**18, 10**18))
    assert index(root).documents["changed"] == 1
    assert index(root, verify_content=True).documents["unchanged"] == 1


def test_what_can_no_longer_be_read_stays_as_it_was(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()
    (folder / "a.txt").write_text("one")
    (folder / "r.jsonl").write_text('{"_id": "1", "text": "x"}\n{"_id": "2", "text": "y"}\n')
    index(root, folder)
    (folder / "a.txt").write_bytes(b"\xff\xfe\xfa")
    (folder / "r.jsonl").write_text('{"_id": "1", "text": "x"}\n{broken\n')
    done = index(root)
    assert done.documents["failed"] == 2
    assert done.documents["deleted"] == 0
    assert set(documents(root)) == {"a.txt", "1", "2"}


@pytest.mark.slow
def test_compaction_happens_by_itself_and_changes_nothing(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    folder.mkdir()

    def fill(round_: int, n: int) -> None:
        lines = (
            f'{{"_id": "{i}", "text": "text {i} {round_ if i % 2 else 0}"}}\n' for i in range(n)
        )
        (folder / "r.jsonl").write_text("".join(lines))

    fill(0, 3000)
    index(root, folder)
    bases = []
    for round_ in itertools.count(1):
        fill(round_, 3000)
        index(root)
        with Snapshot.open(root) as s:
            bases.append(s.manifest.base)
            assert s.passages_total == 3000
        if bases[-1] > 0:
            break
        assert round_ < 5
    expected = tmp_path / "fresh"
    index(expected, folder)
    assert documents(root) == documents(expected)


def test_a_refused_rebuild_leaves_the_index_as_it_was(tmp_path: Path) -> None:
    folder, root = tmp_path / "docs", tmp_path / "idx"
    write(folder, "a.txt", "alpha beta")
    write(folder, "b.txt", "gamma")
    index(root, folder)
    before, files = documents(root), sorted(p.name for p in root.rglob("*"))
    write(folder, "a.txt", "delta")
    asked: list[tuple[set[str], int]] = []

    def refuse(made: Snapshot, failed: Sequence[Unreadable]) -> str:
        asked.append((set(made.catalog.ids()), len(failed)))
        return "no"

    summary = index(root, rebuild=True, refuse=refuse)
    assert asked == [({"a.txt", "b.txt"}, 0)]
    assert summary.refused == "no"
    assert summary.generation == 1
    assert documents(root) == before
    assert sorted(p.name for p in root.rglob("*")) == files
    assert index(root, rebuild=True).refused is None
    assert documents(root) != before
