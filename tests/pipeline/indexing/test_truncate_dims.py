"""An index cut to fewer dimensions equals one made with them, and nothing is encoded for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import RecipeMismatch, UsageError
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import OVERLAP_IN_SECTIONS, RecipeOptions
from qembed.store import Snapshot, manifest
from tests.models import tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("cut")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        patch.setenv("QEMBED_RUNTIME", "torch")
        yield str(tiny.qwen(folder / "Qwen3-Embedding-0.6B", "left"))


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    for i in range(6):
        (folder / f"{i}.md").write_text(f"# Number {i}\n\n" + f"refund parcel {i} account. " * 60)
    return folder


def vectors(root: Path) -> dict[tuple[str, int], np.ndarray]:
    with Snapshot.open(root) as s:
        found = {}
        for line in s.catalog.entries(0, len(s.catalog)):
            rows = np.arange(line.first, line.first + line.rows)
            for p, v in zip(s.passages(rows), s.vectors(rows), strict=True):
                found[line.id, p.seq] = v
        return found


def test_cut_equals_made_so(model: str, docs: Path, tmp_path: Path) -> None:
    root, fresh = tmp_path / "a", tmp_path / "b"
    whole = RecipeOptions(model=model, max_tokens=64)
    first = build(root, IndexOptions(paths=(str(docs),), recipe=whole))
    assert first.recipe.dim == 48
    (docs / "0.md").unlink()  # rows that are dead by the time of the cut
    build(root, IndexOptions())
    (docs / "new.md").write_text("what came in between")
    for path in docs.iterdir():  # times that are to be trusted
        os.utime(path, (1.5e9, 1.5e9))
    done = build(root, IndexOptions(recipe=RecipeOptions(dim=32)))
    assert done.passages["encoded"] == 1
    other = build(
        fresh,
        IndexOptions(paths=(str(docs),), recipe=RecipeOptions(model=model, max_tokens=64, dim=32)),
    )
    assert done.recipe.fingerprint == other.recipe.fingerprint
    ours, theirs = vectors(root), vectors(fresh)
    assert ours.keys() == theirs.keys()
    for key, v in ours.items():
        assert v.shape == (32,)
        assert np.allclose(v, theirs[key], atol=1e-5)
    assert list(verify(root)) == []
    again = build(root, IndexOptions())
    assert (again.passages["encoded"], again.generation) == (0, done.generation)


def test_the_passages_stay_as_they_are(model: str, docs: Path, tmp_path: Path) -> None:
    """Those of an index with an overlap from before it was shared at every border."""
    root = tmp_path / "a"
    wanted = RecipeOptions(model=model, max_tokens=64, overlap=16)
    build(root, IndexOptions(paths=(str(docs),), recipe=wanted))
    present = manifest.read(root)
    assert present.recipe.version == OVERLAP_IN_SECTIONS
    manifest.write(root, replace(present, recipe=replace(present.recipe, version=1)))
    done = build(root, IndexOptions(recipe=RecipeOptions(dim=32)))
    assert (done.recipe.overlap, done.recipe.version, done.passages["encoded"]) == (16, 1, 0)


def test_what_cannot_be_cut(model: str, docs: Path, tmp_path: Path) -> None:
    root = tmp_path / "a"
    build(root, IndexOptions(paths=(str(docs),), recipe=RecipeOptions(model=model, dim=40)))
    before = vectors(root)
    with pytest.raises(UsageError, match="can be cut to 32 to 48"):
        build(root, IndexOptions(recipe=RecipeOptions(dim=16)))
    with pytest.raises(RecipeMismatch, match="--rebuild"):
        build(root, IndexOptions(recipe=RecipeOptions(dim=48)))
    with pytest.raises(RecipeMismatch, match="--max-tokens"):
        build(root, IndexOptions(recipe=RecipeOptions(dim=32, max_tokens=100)))
    after = vectors(root)
    assert all(np.array_equal(before[k], after[k]) for k in before)
