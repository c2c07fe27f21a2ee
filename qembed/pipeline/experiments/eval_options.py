"""Options of `qembed eval`, parsed and checked before anything is measured."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    DEFAULT,
    Drop,
    Gate,
    Measure,
    check_report_paths,
    cutoff,
    measures_for,
    parse_drops,
    parse_gates,
    parse_measures,
    read_report,
)
from qembed.inputs import is_there
from qembed.outputs import check_outputs
from qembed.pipeline.experiments.ablation import parse_ablations
from qembed.pipeline.experiments.run_builder import TIMED_QUERIES
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.retrieval.options import QueryOptions

T = TypeVar("T")

DEFAULT_DEPTH = 1000
"""Depth of a run for measures without a cutoff (AP, RR)."""


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """Options of an evaluation, as the user wrote them.

    Inputs are `queries` and `qrels`, or `beir`, or `qrels` and `runs`. `measures` None: the default ones.
    `index`: options of the index that `beir` makes. `reword`: gives a warning as the reports' readers are to
    be told it.
    """

    queries: Path | None = None
    qrels: Path | None = None
    beir: Path | None = None
    split: str = "test"
    runs: Sequence[Path] = ()
    measures: str | None = None
    query: QueryOptions = field(default_factory=QueryOptions)
    index: IndexOptions = field(default_factory=IndexOptions)
    model: str | None = None
    fail_under: Sequence[str] = ()
    baseline: Path | None = None
    max_drop: Sequence[str] = ()
    max_drop_significant: Sequence[str] = ()
    alpha: float = 0.05
    common: bool = False
    query_floor: Sequence[str] = ()
    ablate: Sequence[str] = ()
    latency: int = TIMED_QUERIES
    save_run: Path | None = None
    reports: Sequence[Path] = ()
    reword: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class EvalPlan:
    """Parsed options of an evaluation. `baseline`: the JSON report to compare with."""

    measures: list[Measure]
    gates: list[Gate]
    floors: list[Gate]
    drops: list[Drop]
    significant: list[str]
    ablations: list[list[str]]
    baseline: Mapping[str, Any] | None

    @property
    def depth(self) -> int:
        """Depth of the run that the measures need."""
        return max(cutoff(m.name) or DEFAULT_DEPTH for m in self.measures)


def plan_evaluation(options: EvalOptions) -> EvalPlan:
    """Parse the options and read the baseline. Raises UsageError, and InputError for the baseline."""
    if options.qrels is None and options.beir is None:
        raise UsageError(
            "give --qrels FILE with --queries FILE to search this index (qembed eval init makes a start) or "
            "with --run FILE to score a run that is there; or --beir DIR; or --mteb TASK"
        )
    mistakes: list[str] = []
    gates = _parse("--fail-under", parse_gates, options.fail_under, mistakes)
    floors = _parse("--query-floor", parse_gates, options.query_floor, mistakes)
    drops = _parse("--max-drop", parse_drops, options.max_drop, mistakes)
    significant = _parse(
        "--max-drop-significant", parse_measures, options.max_drop_significant, mistakes
    )
    if mistakes:
        raise UsageError("\n  ".join(mistakes))
    if (drops or significant) and options.baseline is None:
        option = "--max-drop" if drops else "--max-drop-significant"
        raise UsageError(f"{option} wants --baseline REPORT.json to compare with")
    if options.common and options.baseline is None:
        raise UsageError("--common wants --baseline REPORT.json to compare with")
    if not 0 < options.alpha < 1:
        raise UsageError(f"--alpha {options.alpha:g}: between 0 and 1")
    ablations = parse_ablations(options.ablate)
    if ablations and options.runs:
        raise UsageError("--ablate wants an index: a run made elsewhere cannot be made anew")
    check_report_paths(options.reports)
    check_outputs([*options.reports, options.save_run])
    if options.baseline is not None and not is_there(options.baseline):
        raise InputError(
            f"cannot read {options.baseline}: no such file or folder (this makes it: "
            f"{_baseline_command(options)})"
        )
    baseline = read_report(options.baseline) if options.baseline else None
    named = parse_measures(DEFAULT if options.measures is None else options.measures)
    gated: list[Gate | Drop | Measure] = [*gates, *drops, *significant, *floors]
    return EvalPlan(
        measures_for(named, gated),
        gates,
        floors,
        drops,
        [m.name for m in significant],
        ablations,
        baseline,
    )


def _parse(
    option: str,
    parse: Callable[[Sequence[str]], list[T]],
    texts: Sequence[str],
    mistakes: list[str],
) -> list[T]:
    """Parse the values of an option; [] for none. Adds what is wrong with them to `mistakes`."""
    try:
        return parse(texts) if texts else []
    except UsageError as e:
        mistakes.append(f"{option} {e}")
        return []


def _baseline_command(options: EvalOptions) -> str:
    """Command that writes the baseline: the evaluation's own inputs, without its gates."""
    words = ["qembed", "eval"]
    for option, path in (
        ("--queries", options.queries),
        ("--qrels", options.qrels),
        ("--beir", options.beir),
        *(("--run", run) for run in options.runs),
        ("--report", options.baseline),
    ):
        words += [] if path is None else [option, str(path)]
    return shlex.join(words)
