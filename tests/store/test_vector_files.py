"""Codes and matrix as files: they grow by what is new, are read in pieces, checked and made anew."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import IndexDamaged
from qembed.pipeline.join_passages import join_passages
from qembed.store import Catalog, Snapshot, Writer, derived_files
from qembed.store import manifest as manifests
from qembed.store.compaction import compact
from qembed.store.integrity import check_derived
from qembed.store.repair import finish_repair, plan_repair
from qembed.store.vector_files import codes as codes_module
from qembed.store.vector_files import row_file
from qembed.store.vector_files.codes import open_codes
from qembed.store.vector_files.matrix import MatrixRows, extend_matrix
from qembed.store.vector_files.row_file import RowFile
from qembed.store.vector_files.stored_vectors import update_vector_files
from qembed.vector_codes import encode
from tests.store.helpers import DIM, make, vector

A = {"a": ["one", "two"], "b": ["three"]}


@pytest.fixture(autouse=True)
def _few_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CODED_ROWS", 3)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three passages with matrix and codes."""
    make(tmp_path / "idx", A)
    extend(tmp_path / "idx")
    return tmp_path / "idx"


def extend(root: Path) -> None:
    with Snapshot.open(root) as snapshot:
        update_vector_files(snapshot)


def stored(root: Path) -> np.ndarray:
    opened = open_codes(root, manifests.read(root))
    assert opened is not None
    return np.concatenate([records.copy() for _, records in opened.batches()])


def codes_file(root: Path) -> Path:
    (path,) = (root / "derived").glob("codes-*.bin")
    return path


def test_codes_follow_commits_in_place(root: Path) -> None:
    name, before = codes_file(root), codes_file(root).read_bytes()
    make(root, {"c": ["four"]})
    opened = open_codes(root, manifests.read(root))
    assert opened is not None
    assert opened.upto == 3
    extend(root)
    assert codes_file(root) == name
    assert name.read_bytes().startswith(before)
    expected = encode(np.stack([vector(t) for t in ("one", "two", "three", "four")]))
    assert stored(root).tobytes() == expected.tobytes()
    assert len(np.concatenate([r for _, r in opened.batches()])) == 3, "of its own generation"


def test_what_a_killed_writer_appended_is_cut_off(root: Path) -> None:
    with codes_file(root).open("ab") as f:
        f.write(b"half a record")
    make(root, {"c": ["four"]})
    extend(root)
    assert stored(root)[3].tobytes() == encode(vector("four")[None]).tobytes()


def test_a_small_index_has_none(tmp_path: Path) -> None:
    make(tmp_path / "idx", {"a": ["one"]})
    extend(tmp_path / "idx")
    assert open_codes(tmp_path / "idx", manifests.read(tmp_path / "idx")) is None
    with Snapshot.open(tmp_path / "idx") as snapshot:
        assert "codes" not in {f.kind for f in check_derived(snapshot)}


def test_an_index_without_codes_is_whole_but_slower(root: Path) -> None:
    """As one is that an earlier version made."""
    derived_files.discard(root, derived_files.CODES)
    with Snapshot.open(root) as snapshot:
        (found,) = [f for f in check_derived(snapshot) if f.kind == "codes"]
    assert "answers are slower" in found.what
    extend(root)
    assert len(stored(root)) == 3


def test_compaction_makes_them_anew(root: Path) -> None:
    with Writer(root) as writer:
        snapshot = writer.snapshot()
        assert snapshot is not None
        keep = np.array([line.id != "b" for line in snapshot.catalog.entries()])
        writer.commit(snapshot.catalog.edit(keep, [Catalog()]))
        compact(writer, writer.open_present())
    assert open_codes(root, manifests.read(root)) is None, "of the rows before"
    make(root, {"d": ["five"]})
    extend(root)
    expected = encode(np.stack([vector(t) for t in ("one", "two", "five")]))
    assert stored(root).tobytes() == expected.tobytes()


def test_codes_of_other_vectors_are_found_and_made_anew(root: Path) -> None:
    wrong = encode(np.stack([vector(t) for t in ("one", "three", "two")]))
    codes_file(root).write_bytes(wrong.tobytes())
    with Snapshot.open(root) as snapshot:
        (found,) = [f for f in check_derived(snapshot) if f.kind == "codes"]
    assert "does not belong to the vectors near row 0" in found.what
    with Writer(root) as writer:
        plan = plan_repair(root, writer.manifest, "-", join_passages)
        assert any("codes" in line for line in plan.messages)
        assert not plan.loses
        assert finish_repair(writer, plan) == []
    extend(root)
    with Snapshot.open(root) as snapshot:
        assert "codes" not in {f.kind for f in check_derived(snapshot)}


def test_a_truncated_one_is_not_believed(root: Path) -> None:
    os.truncate(codes_file(root), 10)
    assert open_codes(root, manifests.read(root)) is None


def test_a_file_that_shrinks_while_it_is_open_is_named(root: Path) -> None:
    with Snapshot.open(root) as snapshot:
        extend_matrix(snapshot)
    opened = MatrixRows.open(root, manifests.read(root))
    assert opened is not None
    (path,) = (root / "derived").glob("vectors-*.bin")
    os.truncate(path, DIM * 4)
    np.testing.assert_array_equal(opened.take(np.array([0]))[0], vector("one"))
    with pytest.raises(IndexDamaged, match=r"vectors-.* is shorter than its rows"):
        opened.take(np.array([0, 2]))


def test_rows_are_read_whatever_lies_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = np.dtype([("a", "<i4"), ("b", "<i4")])
    made = np.zeros(3000, dtype=kind)
    made["a"], made["b"] = np.arange(3000), np.arange(3000) ** 2
    path = tmp_path / "rows"
    path.write_bytes(made.tobytes())
    rng = np.random.default_rng(0)
    for case in range(60):
        monkeypatch.setattr(row_file, "GAP_BYTES", 8 * int(rng.integers(1, 40)))
        monkeypatch.setattr(row_file, "SPAN_BYTES", 8 * int(rng.integers(1, 300)))
        monkeypatch.setattr(row_file, "BATCH_BYTES", 8 * int(rng.integers(1, 4000)))
        opened = RowFile(path, kind, 100, 2900)
        rows = np.flatnonzero(rng.random(2800) < rng.random()) + 100
        assert opened.take(rows).tobytes() == made[rows - 100].tobytes(), case
        start = int(rng.integers(100, 2901))
        parts = [(first, r.copy()) for first, r in opened.batches(start)]
        whole = np.concatenate([made[:0], *(r for _, r in parts)])
        assert whole.tobytes() == made[start - 100 : 2800].tobytes()
        assert [f for f, _ in parts] == [
            start + sum(len(r) for _, r in parts[:i]) for i in range(len(parts))
        ]
        opened.close()
