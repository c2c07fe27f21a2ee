"""Generations: what is committed is read back, what is not never was."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, IndexDamaged, IndexLocked, NoIndex, StorageError
from qembed.store import Catalog, Snapshot, Writer, shards, text_hash
from qembed.store import manifest as manifests
from qembed.store.compaction import CompactionPolicy, compact, merge_small_shards
from qembed.store.vector_files.matrix import extend_matrix, open_matrix
from tests.store.helpers import DIM, contents, make, passages, put, recipe, vector

A = {"a": ["one", "two"], "b": ["three"], "empty": []}


def files(root: Path) -> set[str]:
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


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


def test_compaction_drops_dead_rows_and_keeps_every_document(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make(root, {f"d{i}": [f"text {i} {j}" for j in range(i % 4)] for i in range(40)})
    with Writer(root) as writer:
        snapshot = writer.snapshot()
        keep = np.arange(40) % 3 == 0
        writer.commit(snapshot.catalog.edit(keep, []))
        before = contents(root)
        old = writer.manifest
        manifest = compact(writer, writer.snapshot())
    assert manifest.base == old.next_row
    assert manifest.next_row - manifest.base == sum(len(t) for t in before.values())
    assert contents(root) == before
    assert Snapshot.open(root).live is None


def test_small_shards_are_merged_with_their_row_ids(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    expected: dict[str, list[str]] = {}
    for n in range(6):
        with Writer(root) as writer:
            if writer.manifest is None:
                writer.create(recipe(), "test")
            snapshot = writer.snapshot()
            catalog = snapshot.catalog if snapshot else Catalog()
            line = put(writer, f"d{n}", [f"text {n}", f"more {n}"])
            writer.commit(catalog.edit(np.ones(len(catalog), bool), [Catalog.of([line])]))
            expected[f"d{n}"] = [f"text {n}", f"more {n}"]
    with Writer(root) as writer:
        manifest = merge_small_shards(writer, writer.snapshot(), CompactionPolicy(most=3))
    assert len(manifest.shards) == 1
    assert contents(root) == expected


def test_many_large_shards_are_left_alone(tmp_path: Path) -> None:
    """Else every refresh of a large index would commit again what is there."""
    root = tmp_path / "idx"
    for n in range(6):
        with Writer(root) as writer:
            if writer.manifest is None:
                writer.create(recipe(), "test")
            snapshot = writer.snapshot()
            catalog = snapshot.catalog if snapshot else Catalog()
            line = put(writer, f"d{n}", [f"text {n}", f"more {n}"])
            writer.commit(catalog.edit(np.ones(len(catalog), bool), [Catalog.of([line])]))
    with Writer(root) as writer:
        before = writer.manifest
        policy = CompactionPolicy(most=3, small=2)
        assert merge_small_shards(writer, writer.snapshot(), policy) == before


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


class TestDamage:
    def test_no_index(self, tmp_path: Path) -> None:
        with pytest.raises(NoIndex, match="qembed index PATH"):
            Snapshot.open(tmp_path)

    @pytest.mark.parametrize("how", ["truncated", "edited", "empty", "no json", "binary"])
    def test_a_manifest_that_cannot_be_believed(self, tmp_path: Path, how: str) -> None:
        root = tmp_path / "idx"
        make(root, A)
        path = root / "manifest.json"
        raw = path.read_bytes()
        path.write_bytes(
            {
                "truncated": raw[:-40],
                "edited": raw.replace(b'"next_row": 3', b'"next_row": 2'),
                "empty": b"",
                "no json": b"[1, 2]",
                "binary": bytes(range(256)),
            }[how]
        )
        with pytest.raises(IndexDamaged, match=r"manifest\.json is damaged"):
            Snapshot.open(root)

    def test_a_later_format(self, tmp_path: Path) -> None:
        import zlib

        root = tmp_path / "idx"
        make(root, A)
        body = json.loads((root / "manifest.json").read_text())
        del body["crc"]
        body["format"] = 99
        body["crc"] = zlib.crc32(manifests._dump(body).encode())
        (root / "manifest.json").write_text(json.dumps(body))
        with pytest.raises(IndexDamaged, match="format 99"):
            Snapshot.open(root)

    def test_a_missing_shard_is_named(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        shard = next((root / "shards").iterdir())
        shard.unlink()
        with pytest.raises(IndexDamaged, match=shard.name):
            Snapshot.open(root)

    @pytest.mark.parametrize("what", ["shards", "documents"])
    def test_a_truncated_file_is_named(self, tmp_path: Path, what: str) -> None:
        root = tmp_path / "idx"
        make(root, A)
        path = next(p for p in files(root) if p.startswith(what))
        os.truncate(root / path, 50)
        with pytest.raises(IndexDamaged, match=path):
            contents(root)


class TestMatrix:
    def matrix(self, root: Path) -> tuple[np.ndarray, int]:
        opened = open_matrix(root, manifests.read(root))
        assert opened is not None
        return opened

    def test_follows_commits_in_place(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        name = {f for f in files(root) if f.endswith(".bin")}
        make(root, {"c": ["four"]})
        stale = self.matrix(root)
        assert stale[1] == 3
        extend_matrix(Snapshot.open(root))
        matrix, upto = self.matrix(root)
        assert upto == 4
        expected = np.stack([vector(t) for t in ("one", "two", "three", "four")])
        np.testing.assert_array_equal(matrix, expected)
        assert {f for f in files(root) if f.endswith(".bin")} == name

    def test_what_a_killed_writer_appended_is_cut_off(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        path = next((root / "derived").glob("*.bin"))
        with path.open("ab") as f:
            f.write(b"half a vec")
        make(root, {"c": ["four"]})
        extend_matrix(Snapshot.open(root))
        np.testing.assert_array_equal(self.matrix(root)[0][3], vector("four"))

    def test_a_truncated_one_is_not_believed(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        os.truncate(next((root / "derived").glob("*.bin")), 10)
        assert open_matrix(root, manifests.read(root)) is None

    def test_another_index_in_the_same_place_does_not_take_it(self, tmp_path: Path) -> None:
        root = tmp_path / "idx"
        make(root, A)
        extend_matrix(Snapshot.open(root))
        (root / "manifest.json").unlink()
        make(root, A)
        assert open_matrix(root, manifests.read(root)) is None


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
