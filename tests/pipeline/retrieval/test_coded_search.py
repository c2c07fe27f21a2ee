"""Exact search of an index by its codes: the answers are those without them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.diagnostics.derived_lag import lagging
from qembed.pipeline.filters import Filters
from qembed.pipeline.indexing.derived.update import update_derived
from qembed.pipeline.retrieval.session import Session
from qembed.search import top
from qembed.store import Snapshot, derived_files
from qembed.store import manifest as manifests
from qembed.store.compaction import CompactionPolicy
from qembed.store.vector_files import codes as codes_module
from qembed.vectors import normalize
from tests.pipeline.conftest import index

WORDS = [f"word{i}" for i in range(60)]
KEEP_DEAD = CompactionPolicy(dead_rows=10**9)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """700 short records, many of them equal, of which a third was deleted later."""
    folder = tmp_path_factory.mktemp("made")
    rng = np.random.default_rng(0)
    lines = [
        json.dumps({"_id": str(i), "text": " ".join(rng.choice(WORDS, 3)), "kind": int(i % 7)})
        for i in range(700)
    ]
    path = folder / "r.jsonl"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder / "cache"))
        patch.setattr(codes_module, "CODED_ROWS", 100)
        for i, kept in enumerate((lines[:600], lines[200:])):
            path.write_text("\n".join(kept))
            os.utime(path, (1.5e9 + i, 1.5e9 + i))
            index(folder / "idx", path, compaction=KEEP_DEAD, confirm=lambda _: True)
    return folder / "idx"


def queries(session: Session) -> np.ndarray:
    rng = np.random.default_rng(1)
    dim = session.snapshot.manifest.recipe.dim
    stored = np.concatenate([v for _, v in session.snapshot.vector_batches(0)])
    return np.concatenate([normalize(rng.normal(size=(4, dim))), stored[[3, 250, 690]]])


def oracle(session: Session, query: np.ndarray, k: int, rows: np.ndarray) -> list[int]:
    stored = np.concatenate([v for _, v in session.snapshot.vector_batches(0)])
    scores = (stored[rows].astype(np.float64) @ query.astype(np.float64)).astype(np.float32)
    return top(rows, scores, k)[0].tolist()


@pytest.mark.slow
def test_the_answers_are_those_of_all_vectors(made: Path) -> None:
    with Session(made) as session:
        live = session.snapshot.live
        assert live is not None
        assert session.search.exact.coded is not None
        filters = Filters(session.snapshot)
        some, few = filters.allowed(["kind = 3"]), filters.allowed(["kind = 3", "id = '556'"])
        assert 50 < len(some.rows) < 100
        assert len(few.rows) == 1
        for query in queries(session):
            for allowed in (None, some, few):
                rows = np.flatnonzero(live) if allowed is None else allowed.rows
                ((got, _),), plan = session.search.vector_search(
                    query[None], 10, "exact", None, allowed
                )
                assert plan.kind == "exact"
                assert got.tolist() == oracle(session, query, 10, rows)


@pytest.mark.slow
def test_an_index_of_an_earlier_version_gets_codes_at_its_next_run(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "idx"
    shutil.copytree(made, root)
    derived_files.discard(root, derived_files.CODES)
    for path in (root / "derived").glob("codes-*"):
        path.unlink()
    with Session(root) as session:
        assert session.search.exact.coded is None
        before = session.search.vector_search(queries(session), 10, "exact")[0]
    assert "codes" not in lagging(root, manifests.read(root)), "so small an index needs none"
    monkeypatch.setattr(codes_module, "CODED_ROWS", 100)
    assert lagging(root, manifests.read(root))["codes"] > 0
    with Snapshot.open(root) as snapshot:
        update_derived(snapshot)
    assert "codes" not in lagging(root, manifests.read(root))
    with Session(root) as session:
        assert session.search.exact.coded is not None
        after = session.search.vector_search(queries(session), 10, "exact")[0]
    for (_, a), (_, b) in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
