"""Building and reading indexes in this process, with the fast encoder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.summary import IndexSummary
from qembed.pipeline.recipe import RecipeOptions
from qembed.store import Snapshot
from tests.encoders import bag

BAG = "py:tests.encoders:bag"


@pytest.fixture(autouse=True)
def cache(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("QEMBED_CACHE", str(folder))
    return folder


def index(root: Path, *paths: Path | str, **options: object) -> IndexSummary:
    recipe = RecipeOptions(model=None if (root / "manifest.json").exists() else BAG)
    return build(root, IndexOptions(paths=[str(p) for p in paths], recipe=recipe, **options))  # type: ignore[arg-type]


def documents(root: Path) -> dict[str, tuple[str, list[tuple[int, int, str]]]]:
    """id -> (title, passages as (start, end, text)); every vector is checked against the encoder."""
    found = {}
    encoder = bag()
    with Snapshot.open(root) as snapshot:
        for i, line in enumerate(snapshot.catalog.entries()):
            assert line.id not in found, "a document twice"
            rows = snapshot.rows_of(np.array([i]))
            passages = snapshot.passages(rows)
            assert [p.seq for p in passages] == list(range(len(passages)))
            found[line.id] = (line.title, [(p.start, p.end, p.text) for p in passages])
            texts = [
                f"{line.title} {p.text}".strip()
                if not p.text.lstrip("# \n").startswith(line.title)
                else p.text
                for p in passages
            ]
            if texts:
                np.testing.assert_allclose(snapshot.vectors(rows), encoder.encode(texts), atol=1e-6)
    return found


def age(folder: Path) -> None:
    """Makes everything below look as if it had been there for a while, later each time it is called."""
    for p in folder.rglob("*"):
        if p.is_file():
            stat = p.stat()
            if stat.st_mtime_ns > 1_700_000_000 * 10**9:
                at = 1_600_000_000 * 10**9 + stat.st_ino % 10**6 * 10**6 + stat.st_size
                os.utime(p, ns=(at, at))
