"""Timing of single queries: what is shown of it while it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query
from tests.pipeline.conftest import BAG


def test_it_is_one_phase_of_its_own(tmp_path: Path) -> None:
    for n in range(5):
        (tmp_path / f"{n}.md").write_text(f"note {n}")
    root = tmp_path / ".qembed"
    build(root, IndexOptions((str(tmp_path),), recipe=RecipeOptions(BAG)))
    told: list[Any] = []
    progress = Progress(phase=lambda *p: told.append(p), advance=lambda n: told.append(n))
    with Session(root) as session:
        queries = [Query(f"q{n}", f"note {n}") for n in range(4)]
        options = QueryOptions(k=3, rerank="late")
        builder = RunBuilder(session, queries, progress=progress)
        assert builder.latency(options, time.perf_counter(), 2) is not None
        assert told[0] == ("load reranker", "", None)
        assert told[1:] == [("time single queries", "queries", 3), 1, 1, 1]
        timed = len(told)
        builder.rank(options)
    assert told[timed] == ("search", "queries", 4)
    assert ("rerank", "pairs") in [p[:2] for p in told[timed:] if isinstance(p, tuple)]
