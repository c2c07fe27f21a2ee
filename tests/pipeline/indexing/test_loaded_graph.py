"""A session answers from the graph and the matrix that it loaded, whatever is committed meanwhile."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.indexing.derived.update import update_derived
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from qembed.store.compaction import CompactionPolicy
from qembed.store.vector_files.matrix import matrix_batches, open_matrix
from tests.pipeline.conftest import index
from tests.pipeline.indexing.conftest import NEVER, fill, graph_stamp

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_the_matrix_read_and_mapped_is_the_same(some: Path) -> None:
    manifest = manifests.read(some)
    mapped = open_matrix(some, manifest)
    assert mapped is not None
    parts = list(matrix_batches(some, manifest, 700, size=300))
    assert [first for first, _ in parts] == [700, 1000, 1300, 1600, 1900]
    np.testing.assert_array_equal(np.concatenate([v for _, v in parts]), mapped[0][700:])


def test_a_session_keeps_to_the_graph_it_loaded(some: Path) -> None:
    """A commit is there before its graph: a session between the two has a tail, also afterwards."""
    fill(some.parent / "docs", 200, seed=1)
    index(some, graph=NEVER)
    with Session(some) as session:
        vector = session.snapshot.vectors(np.array([2150]))
        session.search.vector_search(vector, 5, "graph")
        update_derived(Snapshot.open(some))
        assert graph_stamp(some).upto == 2200
        hits, plan = session.search.vector_search(vector, 5, "graph")
        assert plan.kind == "graph"
        assert hits[0][0][0] == 2150


def test_a_session_maps_the_matrix_also_after_a_later_commit(some: Path) -> None:
    """Its rows are the first of the longer file; reading all shards instead would take gigabytes."""
    with Session(some) as session:
        fill(some.parent / "docs", 200, seed=1)
        index(some)
        ((first, matrix),) = session.search.exact.parts
        assert isinstance(matrix.base, np.memmap)
        assert (first, len(matrix)) == (0, 2000)
        expected = np.concatenate([v for _, v in session.snapshot.vector_batches(0)])
        np.testing.assert_array_equal(matrix, expected)


def test_a_query_that_the_graph_cannot_answer_has_no_row_twice(some: Path) -> None:
    """Hardly a row of the graph lives: such a query is searched exactly, and that is the tail too."""
    fill(some.parent / "docs", 20, seed=1)
    (some.parent / "docs/r0.jsonl").write_text('{"_id": "0-0", "text": "one that stays"}\n')
    policy = CompactionPolicy(dead_rows=10**9)
    index(some, graph=NEVER, compaction=policy, confirm=lambda _: True)
    with Session(some) as session:
        vector = session.snapshot.vectors(np.array([2005]))
        hits, plan = session.search.vector_search(vector, 100, "graph")
        assert plan.kind == "graph"
        rows = hits[0][0].tolist()
        assert len(rows) == len(set(rows)) == 21


def test_a_graph_replaced_between_checking_and_loading_costs_no_answer(
    some: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def whole(root: Path, stamp: files.Stamp) -> bool:
        (root / stamp.file).unlink()
        return True

    monkeypatch.setattr(files, "is_whole", whole)
    with Session(some) as session:
        vector = session.snapshot.vectors(np.array([7]))
        hits, plan = session.search.vector_search(vector, 3, "graph")
        assert plan.kind == "exact"
        assert hits[0][0][0] == 7
