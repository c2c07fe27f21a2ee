"""Compaction and merged shards: the documents stay, row ids only where they may."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qembed.store import Catalog, Snapshot, Writer
from qembed.store.compaction import CompactionPolicy, compact, merge_small_shards
from tests.store.helpers import contents, make, put, recipe


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


def make_shards(root: Path) -> None:
    """Six shards of a document each, with two passages."""
    for n in range(6):
        with Writer(root) as writer:
            if writer.manifest is None:
                writer.create(recipe(), "test")
            snapshot = writer.snapshot()
            catalog = snapshot.catalog if snapshot else Catalog()
            line = put(writer, f"d{n}", [f"text {n}", f"more {n}"])
            writer.commit(catalog.edit(np.ones(len(catalog), bool), [Catalog.of([line])]))


def test_small_shards_are_merged_with_their_row_ids(tmp_path: Path) -> None:
    root = tmp_path / "idx"
    make_shards(root)
    expected = contents(root)
    assert expected == {f"d{n}": [f"text {n}", f"more {n}"] for n in range(6)}
    with Writer(root) as writer:
        manifest = merge_small_shards(writer, writer.snapshot(), CompactionPolicy(most=3))
    assert len(manifest.shards) == 1
    assert contents(root) == expected


def test_many_large_shards_are_left_alone(tmp_path: Path) -> None:
    """Else every refresh of a large index would commit again what is there."""
    root = tmp_path / "idx"
    make_shards(root)
    with Writer(root) as writer:
        before = writer.manifest
        policy = CompactionPolicy(most=3, small=2)
        assert merge_small_shards(writer, writer.snapshot(), policy) == before
