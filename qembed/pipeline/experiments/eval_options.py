"""Options of `qembed eval`, parsed and checked before anything is measured."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from qembed.errors import InputError, QembedError, UsageError, collected, raise_all
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
from qembed.evaluation.baseline import require_baseline_measures, uncompared_measures
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
    """Parse the options and read the baseline. Raises UsageError, InputError, Mistakes for several."""
    errors: list[QembedError] = []
    baseline: Mapping[str, Any] | None = None
    ablations: list[list[str]] = []
    named: list[Measure] = []
    with collected(errors, "--qrels", "--queries"):
        _check_inputs(options)
    gates = _parsed(errors, "--fail-under", parse_gates, options.fail_under)
    floors = _parsed(errors, "--query-floor", parse_gates, options.query_floor)
    drops = _parsed(errors, "--max-drop", parse_drops, options.max_drop)
    significant = _parsed(
        errors, "--max-drop-significant", parse_measures, options.max_drop_significant
    )
    for option, given in (
        ("--max-drop", options.max_drop),
        ("--max-drop-significant", options.max_drop_significant),
        ("--common", options.common),
    ):
        if given and options.baseline is None:
            with collected(errors, option, "--baseline"):
                raise UsageError(f"{option} wants --baseline REPORT.json to compare with")
    with collected(errors, "--baseline"):
        baseline = _read_baseline(options)
    if baseline is not None:
        for option, measures in (
            ("--max-drop", [drop.measure for drop in drops]),
            ("--max-drop-significant", [m.name for m in significant]),
        ):
            with collected(errors, option):
                require_baseline_measures(baseline, measures)
    with collected(errors, "--alpha"):
        if not 0 < options.alpha < 1:
            raise UsageError(f"--alpha {options.alpha:g}: between 0 and 1")
    with collected(errors, "--ablate"):
        ablations = parse_ablations(options.ablate)
        if ablations and options.runs:
            raise UsageError("--ablate wants an index: a run made elsewhere cannot be made anew")
    with collected(errors, "--report"):
        check_report_paths(options.reports)
    with collected(errors):
        check_outputs([*options.reports, options.save_run])
    with collected(errors, "--measures"):
        named = parse_measures(DEFAULT if options.measures is None else options.measures)
    gated: list[Gate | Drop | Measure] = [*gates, *drops, *significant, *floors]
    wanted = measures_for(named, gated)
    if baseline is not None and not errors:
        with collected(errors, "--baseline", "--measures"):
            uncompared_measures(baseline, [m.name for m in wanted])
    raise_all(errors)
    return EvalPlan(
        wanted,
        gates,
        floors,
        drops,
        [m.name for m in significant],
        ablations,
        baseline,
    )


def _check_inputs(options: EvalOptions) -> None:
    if options.qrels is None and options.beir is None:
        raise UsageError(
            "give --qrels FILE with --queries FILE to search this index (qembed eval init makes a start) or "
            "with --run FILE to score a run that is there; or --beir DIR; or --mteb TASK"
        )


def _read_baseline(options: EvalOptions) -> Mapping[str, Any] | None:
    """Report to compare with, None if there is none. Raises InputError."""
    if options.baseline is None:
        return None
    if not is_there(options.baseline):
        raise InputError(
            f"cannot read {options.baseline}: no such file or folder (this makes it: "
            f"{_baseline_command(options)})"
        )
    return read_report(options.baseline)


def _parsed(
    errors: list[QembedError],
    option: str,
    parse: Callable[[Sequence[str]], list[T]],
    texts: Sequence[str],
) -> list[T]:
    """Parse the values of an option; [] for none. Adds what is wrong with them to `errors`."""
    try:
        return parse(texts) if texts else []
    except UsageError as e:
        with collected(errors, option):
            raise UsageError(f"{option} {e}") from e
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
