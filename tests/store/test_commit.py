"""Generations: what is committed is read back, what is not never was."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, IndexLocked, StorageError
from qembed.store import Catalog, Snapshot, Writer, shards, text_hash
from qembed.store import manifest as manifests
from tests.store.helpers import DIM, A, contents, files, make, passages, put, recipe, vector


def test_what_is_committed_is_read_back(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    manifest = make(root, A)
    assert manifest.generation == 1
    assert manifest.next_row == 3
    assert contents(root) == A


def test_much_text_is_written_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "CHARACTERS_PER_TABLE", 10)
    texts = {"a": ["one", "two", "", "a text longer than ten", "3", "4"], "b": ["", "x" * 9, "yz"]}
    make(tmp_path / "idx", texts)
    assert contents(tmp_path / "idx") == texts
    with Snapshot.open(tmp_path / "idx") as snapshot:
        for row, text in enumerate([*texts["a"], *texts["b"]]):
            assert snapshot.passages(np.array([row]))[0].text == text
            np.testing.assert_array_equal(snapshot.vectors(np.array([row]))[0], vector(text))


def test_uncommitted_rows_do_not_exist(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    before = files(root)
    with Writer(root) as writer:
        put(writer, "c", ["four"])
    assert contents(root) == A
    assert files(root) == before


def test_rows_only_grow_and_deleting_drops_only_a_line(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    with Writer(root) as writer:
        snapshot = writer.snapshot()
        keep = np.array([True, False, True])
        line = put(writer, "b", ["three, changed"])
        manifest = writer.commit(snapshot.catalog.edit(keep, [Catalog.of([line])]))
    assert line.first == 3
    assert manifest.next_row == 4
    assert contents(root) == {"a": ["one", "two"], "empty": [], "b": ["three, changed"]}
    live = Snapshot.open(root).live
    assert live is not None
    assert live.tolist() == [True, True, False, True]


def test_two_generations_of_files_are_kept_the_third_is_swept(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    for n in range(4):
        make(root, {"a": [f"text {n}"]})
    documents = {f for f in files(root) if f.startswith("documents")}
    assert documents == {"documents-00000003.parquet", "documents-00000004.parquet"}


def test_an_open_reader_survives_any_number_of_commits(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    reader = Snapshot.open(root)
    for n in range(5):
        make(root, {"x": [f"new {n}"]})
    assert [line.id for line in reader.catalog.entries()] == ["a", "b", "empty"]
    assert [p.text for p in reader.passages(np.array([2, 0]))] == ["three", "one"]


def test_text_hashes_find_stored_rows(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    hashes = [text_hash(t) for t in ("one", "two", "three")]
    for start in range(4):
        found = Snapshot.open(root).text_hashes(start)
        assert [bytes(h) for h in found] == hashes[start:]


def test_text_hashes_of_many_row_groups(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    texts = [f"text {i}" for i in range(2500)]
    make(root, {"a": texts})
    hashes = [text_hash(t) for t in texts]
    for start in (0, 1023, 1024, 1025, 2048, 2499):
        found = Snapshot.open(root).text_hashes(start)
        assert [bytes(h) for h in found] == hashes[start:]


def test_a_rebuild_does_not_show_before_it_is_finished_and_can_be_resumed(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    other = recipe(max_tokens=32)
    with Writer(root) as writer:
        writer.begin_rebuild(other, "test")
        line = put(writer, "a", ["new one"])
        writer.commit(Catalog.of([line]))
    assert contents(root) == A
    make(root, {**A, "c": ["meanwhile"]})
    with Writer(root) as writer:
        writer.begin_rebuild(other, "test")
        snapshot = writer.snapshot()
        assert [x.id for x in snapshot.catalog.entries()] == ["a"]
        more = put(writer, "b", ["new two"])
        keep = np.ones(1, bool)
        writer.commit(snapshot.catalog.edit(keep, [Catalog.of([more])]))
        manifest = writer.finish_rebuild()
    assert contents(root) == {"a": ["new one"], "b": ["new two"]}
    assert manifest.recipe == other
    assert manifest.base >= 1 << 32
    assert not (root / manifests.REBUILD).exists()


def test_a_rebuild_of_another_recipe_starts_afresh(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    for tokens in (32, 48):
        with Writer(root) as writer:
            writer.begin_rebuild(recipe(max_tokens=tokens), "test")
            assert writer.snapshot() is None
            writer.commit(Catalog.of([put(writer, "a", ["x"])]))
    assert contents(root) == A


def test_non_finite_vectors_are_refused(tmp_path: Path) -> None:
    with Writer(tmp_path / "idx") as writer:
        writer.create(recipe(), "test")
        bad = np.stack([vector("one"), np.full(DIM, np.nan, np.float32)])
        with pytest.raises(EncodingError, match=r"notes\.md.*NaN"):
            writer.append(passages("notes.md", ["one", "two"]), [b"x" * 16] * 2, bad)


def hold(root: str, ready: object, done: object) -> None:
    with Writer(Path(root)):
        ready.set()  # type: ignore[attr-defined]
        done.wait(20)  # type: ignore[attr-defined]


@pytest.mark.slow
def test_one_writer_at_a_time_and_no_stale_lock(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, A)
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold, args=(str(root), ready, done))
    other.start()
    try:
        assert ready.wait(20)
        with pytest.raises(IndexLocked, match=str(other.pid)):
            Writer(root)
        assert contents(root) == A  # readers take no lock
        done.set()
        with Writer(root, wait=20):
            pass
    finally:
        other.kill()
        other.join()
    with Writer(root):
        pass


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_full_disk_is_a_clear_error_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    root = tmp_path / "idx"
    make(root, A)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(StorageError, match="the disk is full"):
        make(root, {"new": ["text"]})
    monkeypatch.undo()
    assert contents(root) == A
    make(root, {"new": ["text"]})
    assert contents(root) == {"new": ["text"]}
