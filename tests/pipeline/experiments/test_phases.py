"""Phases and timings of an evaluation: what comes after the search has names, too."""

from __future__ import annotations

import json
from pathlib import Path

from qembed.pipeline.experiments.eval_options import EvalOptions
from qembed.pipeline.experiments.evaluate import run_evaluation
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions


def test_measures_comparison_and_reports_are_phases_with_seconds(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(5):
        (tmp_path / f"docs/p{n}.md").write_text(f"page number n{n}\n")
    root = tmp_path / "index"
    recipe = RecipeOptions("py:tests.encoders:bag")
    build(root, IndexOptions(paths=[str(tmp_path / "docs")], recipe=recipe), Progress())
    queries, qrels = tmp_path / "q.jsonl", tmp_path / "r.tsv"
    queries.write_text('{"_id": "q1", "text": "page n3"}\n')
    qrels.write_text("query-id\tcorpus-id\tscore\nq1\tp3.md\t1\n")
    base, later = tmp_path / "base.json", tmp_path / "later.json"
    found = []
    for options in (
        EvalOptions(queries, qrels, latency=0, reports=[base]),
        EvalOptions(queries, qrels, latency=0, reports=[later], baseline=base),
        EvalOptions(queries, qrels, latency=0),
    ):
        phases: list[str] = []

        def begin(name: str, _unit: str, _total: int | None, to: list[str] = phases) -> None:
            to.append(name)

        body = run_evaluation(options, lambda: root, Progress(phase=begin)).body
        found.append(phases[phases.index("search") + 1 :])
        assert {"search", "measures", "comparison", "reports"} <= set(body["settings"]["seconds"])
    assert found == [
        ["measures", "reports"],
        ["measures", "comparison", "reports"],
        ["measures"],
    ]
    written = json.loads(later.read_text())["settings"]["seconds"]
    assert {"measures", "comparison"} <= set(written)
