"""`qembed eval --mteb`: tasks of mteb run on a model and its index, as a JSON report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.mteb.gates import (
    apply_gates,
    check_comparable,
    compare_scores,
    parse_drops,
    parse_floors,
    read_baseline,
)
from qembed.mteb.index import Index
from qembed.mteb.library import quiet_mteb
from qembed.mteb.tasks import find_tasks, load, parts
from qembed.pipeline.provenance.provenance import provenance

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask
    from mteb.results import TaskResult


def evaluate_tasks(
    names: Sequence[str],
    model: Index,
    *,
    split: str = "test",
    fail_under: Sequence[str] = (),
    baseline: Path | None = None,
    max_drop: Sequence[str] = (),
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Evaluate the model on tasks; returns the JSON report. Nothing is read from or kept in mteb's cache.

    `names`: see `find_tasks`. `split`: judgments of BEIR folders. `fail_under`: `TASK=V`, floors of main
    scores; `max_drop`: `TASK=V` or `TASK=V%`, allowed drops below those of the report `baseline`. Raises
    UsageError, InputError, ModelUnavailable, EncodingError.
    """
    if max_drop and baseline is None:
        raise UsageError("--max-drop wants --baseline")
    before = None if baseline is None else read_baseline(baseline)
    tasks = find_tasks(names, split, warn)
    if before is not None:
        check_comparable(before, tasks)
    floors, drops = parse_floors(fail_under, tasks), parse_drops(max_drop, tasks)
    began = time.perf_counter()
    found = []
    for name, task in tasks.items():
        with quiet_mteb():
            load(name, task)
            found.append(_report(name, task, _run(model, task)))
            for part in parts(task):
                part.unload_data()
    measures = {row["task"]: row["score"] for row in found}
    comparison = None if before is None else compare_scores(before, measures)
    return {
        "schema": 1,
        "measures": measures,
        "tasks": found,
        "settings": {
            "model": model.model.name,
            "revision": model.model.revision,
            "dim": model.model.dim,
            **model.settings(),
            "seconds": {"total": round(time.perf_counter() - began, 3)},
        },
        "provenance": provenance(None, None),
        "comparison": comparison,
        "gates": [g.to_json() for g in apply_gates(floors, drops, measures, comparison)],
    }


def _run(model: Index, task: AbsTask) -> TaskResult:
    import mteb

    result: TaskResult = mteb.evaluate(
        model, task, cache=None, co2_tracker=False, show_progress_bar=False
    ).task_results[0]
    return result


def _report(name: str, task: AbsTask, result: TaskResult) -> dict[str, Any]:
    """Entry of one task: its main score, and all numbers by split and subset.

    The main score is the mean over splits and subsets. mteb's own `get_score` knows no task but its own.
    """
    rows = [row for of_split in result.scores.values() for row in of_split]
    return {
        "task": name,
        "type": task.metadata.type,
        "measure": task.metadata.main_score,
        "score": sum(float(row["main_score"]) for row in rows) / len(rows),
        "mteb_version": result.mteb_version,
        "dataset_revision": result.dataset_revision,
        "scores": {
            split: {
                row["hf_subset"]: {
                    k: v for k, v in row.items() if isinstance(v, int | float) and v == v
                }
                for row in rows
            }
            for split, rows in result.scores.items()
        },
    }
