"""Vectors read from their places in the shards: the same as the decoded ones, whatever was written when."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import IndexDamaged
from qembed.store import Snapshot, Writer, derived_files, shards
from qembed.store import manifest as manifests
from qembed.store.compaction import CompactionPolicy, merge_small_shards
from qembed.store.integrity import check_derived
from qembed.store.vector_files import codes as codes_module
from qembed.store.vector_files.placed_vectors import PlacedVectors
from qembed.store.vector_files.places import matrix_is_due, read_places
from qembed.store.vector_files.stored_vectors import (
    fetch_vectors,
    map_vectors,
    read_vectors,
    update_vector_files,
    vector_batches,
)
from tests.store.helpers import make, vector


@pytest.fixture(autouse=True)
def _few_rows_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codes_module, "CODED_ROWS", 1)


def grow(root: Path, *sizes: int) -> None:
    """Commits of so many rows each."""
    for size in sizes:
        at = manifests.read(root).next_row if (root / "manifest.json").exists() else 0
        make(root, {f"d{at}": [f"text {at + i}" for i in range(size)]})


def update(root: Path) -> None:
    with Snapshot.open(root) as snapshot:
        update_vector_files(snapshot)


def merge(root: Path) -> None:
    with Writer(root) as writer:
        merge_small_shards(writer, writer.open_present(), CompactionPolicy(most=1))


def divided(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards as earlier versions wrote them: several pages to a row group."""
    monkeypatch.setattr(shards, "_page_size", lambda dim: 1024)


def kinds(root: Path) -> set[str]:
    return {f.kind for f in findings(root)}


def findings(root: Path) -> list:
    with Snapshot.open(root) as snapshot:
        return [
            f
            for f in check_derived(snapshot)
            if f.kind in (derived_files.MATRIX, derived_files.PLACES, derived_files.CODES)
        ]


def check(root: Path, rng: np.random.Generator) -> None:
    """All ways of reading give the decoded vectors."""
    with Snapshot.open(root) as snapshot:
        rows = np.arange(snapshot.manifest.base, snapshot.manifest.next_row)
        whole = snapshot.vectors(rows)
        placed = PlacedVectors.open(snapshot)
        assert placed is not None
        for _ in range(20):
            some = rng.choice(rows, int(rng.integers(0, len(rows))), replace=bool(rng.integers(2)))
            np.testing.assert_array_equal(placed.take(np.sort(some)), whole[np.sort(some)])
            np.testing.assert_array_equal(read_vectors(fetch_vectors(snapshot), some), whole[some])
            start = int(rng.integers(0, len(rows) + 1))
            for found in (
                list(placed.batches(start, int(rng.integers(1, 3000)))),
                placed.mapped(start),
                list(vector_batches(snapshot, start)),
            ):
                at = start
                for first, part in found:
                    assert first == at
                    np.testing.assert_array_equal(part, whole[at : at + len(part)])
                    at += len(part)
                assert at == len(rows)
        assert sum(len(v) for _, v in map_vectors(snapshot)) == len(rows)


@pytest.mark.slow
def test_all_ways_of_reading_agree(tmp_path: Path) -> None:
    root, rng = tmp_path / "idx", np.random.default_rng(0)
    for sizes in ((3000,), (1, 1, 1025), (700, 300), (5,)):
        grow(root, *sizes)
        update(root)
        check(root, rng)
        assert not (root / "derived/vectors.json").exists()
        assert not kinds(root)
    merge(root)
    with Snapshot.open(root) as merged:
        assert PlacedVectors.open(merged) is None
        assert [len(v) for _, v in map_vectors(merged)] == [1024, 1024, 1024, 1024, 936]
    update(root)
    check(root, rng)
    assert not kinds(root)
    assert len(list((root / "derived").glob("places-*"))) == 1


def test_a_matrix_goes_when_the_places_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "idx"
    monkeypatch.setattr(codes_module, "CODED_ROWS", 5)
    grow(root, 4)
    update(root)
    assert list((root / "derived").glob("vectors-*"))
    assert not read_places(root, manifests.read(root))
    with Snapshot.open(root) as before:
        ((_, mapped),) = map_vectors(before)
        grow(root, 4)
        update(root)
        np.testing.assert_array_equal(mapped, np.stack([vector(f"text {i}") for i in range(4)]))
    assert not list((root / "derived").glob("vectors*"))
    assert not kinds(root)


def test_shards_of_earlier_versions_keep_the_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, rng = tmp_path / "idx", np.random.default_rng(1)
    with monkeypatch.context() as earlier:
        divided(earlier)
        grow(root, 2000)
    update(root)
    assert matrix_is_due(root, manifests.read(root))
    assert not kinds(root)
    grow(root, 1500)
    update(root)
    assert list((root / "derived").glob("vectors-*"))
    check(root, rng)
    derived_files.discard(root, derived_files.MATRIX)
    assert kinds(root) == {"vectors"}
    check(root, rng)
    merge(root)
    update(root)
    assert not matrix_is_due(root, manifests.read(root)), "all is written anew"
    assert not list((root / "derived").glob("vectors*"))
    check(root, rng)


def test_an_older_generation_is_read_beside_newer_places(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    grow(root, 1200, 30)
    with Snapshot.open(root) as before:
        merge(root)
        update(root)
        rows = np.arange(1230)
        np.testing.assert_array_equal(
            read_vectors(fetch_vectors(before), rows), before.vectors(rows)
        )
        assert PlacedVectors.open(before) is None, "its shards are gone"


@pytest.mark.parametrize("noticed", [True, False])
def test_wrong_places_are_found_and_found_anew(tmp_path: Path, noticed: bool) -> None:
    root = tmp_path / "idx"
    grow(root, 1030)
    update(root)
    (path,) = (root / "derived").glob("places-*.bin")
    table = np.fromfile(path, "<i8").reshape(-1, 3)
    table[1, 2] -= 32
    path.write_bytes(table.tobytes())
    if not noticed:  # as if it had been written so
        with Snapshot.open(root) as snapshot:
            stamp = derived_files.current(root, snapshot.manifest, derived_files.PLACES)
            assert stamp is not None
            derived_files.seal(
                root, snapshot.manifest, derived_files.PLACES, path, stamp.upto, stamp.extra
            )
    found = findings(root)
    assert "places" in {f.kind for f in found}
    what = "is damaged" if noticed else "other vectors than the shard's are read near row 1024"
    assert what in found[-1 if not noticed else 0].what
    with Snapshot.open(root) as snapshot:
        np.testing.assert_array_equal(
            read_vectors(fetch_vectors(snapshot), np.array([1029])), [vector("text 1029")]
        )
    update(root)
    assert not kinds(root)
    check(root, np.random.default_rng(2))


def test_a_shard_that_shrinks_while_it_is_open_is_named(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    grow(root, 10)
    update(root)
    with Snapshot.open(root) as snapshot:
        placed = PlacedVectors.open(snapshot)
        assert placed is not None
        (shard,) = (root / "shards").glob("*.parquet")
        shard.write_bytes(shard.read_bytes()[:50])
        with pytest.raises(IndexDamaged, match=r"parquet is shorter than its rows"):
            placed.take(np.array([3]))


def test_a_stamp_of_another_form_is_not_believed(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    grow(root, 10)
    update(root)
    stamp = root / "derived/places.json"
    body = json.loads(stamp.read_bytes())
    stamp.write_text(json.dumps({**body, "extra": {}}))
    with Snapshot.open(root) as snapshot:
        assert PlacedVectors.open(snapshot) is None
        np.testing.assert_array_equal(
            read_vectors(fetch_vectors(snapshot), np.array([3])), [vector("text 3")]
        )
    update(root)
    check(root, np.random.default_rng(3))


def test_some_vectors_are_taken_without_masked_arrays() -> None:
    """`numpy.unique` imports them, which every cold query would wait for."""
    program = (
        "import sys, numpy as np\n"
        "from qembed.store.vector_files.stored_vectors import read_vectors, take_vectors\n"
        "parts = [(0, np.eye(4, dtype='f4')), (4, np.ones((2, 4), 'f4'))]\n"
        "print(take_vectors(parts, np.array([5, 2, 2]), 4)[:, 2].tolist())\n"
        "print(read_vectors(lambda rows: parts[0][1][rows], np.array([3, 0, 3]))[:, 3].tolist())\n"
        "print('numpy.ma' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().split("\n")[:3] == ["[1.0, 1.0, 1.0]", "[1.0, 0.0, 1.0]", "False"]
