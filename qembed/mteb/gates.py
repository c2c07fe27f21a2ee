"""Gates on tasks' main scores, and the earlier report, the baseline, that some compare with.

mteb gives means and no values of single queries, so there is no test of significance here.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.json_records import parse_json
from qembed.evaluation.formats.source_file import ProblemList, Source, summarize_names
from qembed.evaluation.gates import Drop, Gate, GateResult, drop_result, floor_result

if TYPE_CHECKING:
    from mteb.abstasks.abstask import AbsTask


def parse_floors(texts: Sequence[str], tasks: Collection[str]) -> list[Gate]:
    """Parse values of `--fail-under` such as `SciFact=0.6`. Raises UsageError."""
    return [Gate(*_parse("--fail-under", text, tasks)[:2]) for text in texts]


def parse_drops(texts: Sequence[str], tasks: Collection[str]) -> list[Drop]:
    """Parse values of `--max-drop` such as `SciFact=0.01` or `SciFact=2%`. Raises UsageError."""
    return [Drop(*_parse("--max-drop", text, tasks)) for text in texts]


def _parse(option: str, text: str, tasks: Collection[str]) -> tuple[str, float, bool]:
    name, _, number = text.rpartition("=")
    percent = option == "--max-drop" and number.endswith("%")
    try:
        value = float(number.removesuffix("%") if percent else number)
    except ValueError:
        value = math.nan
    low = -1.0 if option == "--fail-under" else 0.0  # a correlation may be negative
    if name not in tasks or not low <= value <= (100.0 if percent else 1.0):
        form = "TASK=V or TASK=V%" if option == "--max-drop" else "TASK=V"
        raise UsageError(
            f"{option} {text}: {form} is wanted with --mteb, for one of {summarize_names(list(tasks))}"
        )
    return name, value, percent


def read_baseline(path: Path) -> dict[str, Any]:
    """Read a report that `qembed eval --mteb --report` wrote. Raises InputError."""
    source, mistakes = Source.read(path), ProblemList(path)
    text = source.text(mistakes)
    mistakes.close()
    try:
        body = parse_json(text or "")
    except ValueError as e:
        raise InputError(f"{path} is not a report", [f"{path}: {e}"]) from e
    tasks = body.get("tasks") if isinstance(body, dict) else None
    if (
        not isinstance(tasks, list)
        or body.get("schema") != 1
        or not all(
            isinstance(t, dict)
            and isinstance(t.get("task"), str)
            and isinstance(t.get("scores"), dict)
            and isinstance(t.get("score"), int | float)
            for t in tasks
        )
    ):
        raise InputError(f"{path} is not a report of qembed eval --mteb", [])
    found: dict[str, Any] = body
    return found


def check_comparable(baseline: Mapping[str, Any], tasks: Mapping[str, AbsTask]) -> None:
    """Raise InputError naming the tasks that the baseline lacks, or measured on other data or otherwise.

    Asked before tasks are run, which may take hours.
    """
    then = {t["task"]: t for t in baseline["tasks"]}
    differs = []
    for name, task in tasks.items():
        before = then.get(name)
        if before is None:
            differs.append(f"{name}: the baseline has {summarize_names(list(then))}")
            continue
        for what, was, now in (
            ("measure", before.get("measure"), task.metadata.main_score),
            ("revision of the data", before.get("dataset_revision"), task.metadata.revision),
            ("splits", sorted(before["scores"]), sorted(task.eval_splits)),
            (
                "subsets",
                sorted({subset for split in before["scores"].values() for subset in split}),
                sorted(task.hf_subsets),
            ),
        ):
            if was != now:
                differs.append(f"{name}: the {what} was {_shown(was)}, is {_shown(now)}")
    if differs:
        raise InputError("cannot compare with the baseline", differs)


def _shown(value: Any) -> str:
    return summarize_names(value) if isinstance(value, list) else str(value)


def compare_scores(baseline: Mapping[str, Any], scores: Mapping[str, float]) -> dict[str, Any]:
    """JSON of the comparison: each task's score then and now, and the baseline's provenance."""
    then = {t["task"]: float(t["score"]) for t in baseline["tasks"]}
    return {
        "measures": {
            name: {"baseline": then[name], "got": score, "difference": score - then[name]}
            for name, score in scores.items()
        },
        "baseline": baseline.get("provenance"),
    }


def apply_gates(
    floors: Sequence[Gate],
    drops: Sequence[Drop],
    scores: Mapping[str, float],
    comparison: Mapping[str, Any] | None,
) -> list[GateResult]:
    """Outcome of each gate. `scores`: by task; `comparison`: of `compare_scores`, wanted by drops."""
    found = [floor_result(g.measure, g.wanted, scores[g.measure]) for g in floors]
    for drop in drops:
        assert comparison is not None
        before = comparison["measures"][drop.measure]["baseline"]
        found.append(drop_result(drop, before, scores[drop.measure]))
    return found
