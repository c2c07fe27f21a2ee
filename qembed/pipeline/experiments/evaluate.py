"""`qembed eval`: queries and judgments to numbers, gates and a report.

judgments + queries -> run (ours, or made elsewhere) -> checks -> measures -> gates -> report
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    DEFAULT,
    Drop,
    Gate,
    GateResult,
    Measure,
    Report,
    Variant,
    apply_drops,
    apply_floors,
    apply_gates,
    check_report_paths,
    check_run,
    comparable,
    comparison_json,
    cutoff,
    details_json,
    differences,
    evaluate,
    inputs_json,
    measures_for,
    orders,
    parse_drops,
    parse_gates,
    parse_measures,
    read_report,
    read_run,
    recall_curve,
    recommend,
    report_json,
    variants_json,
    write_report,
    write_run,
)
from qembed.pipeline.experiments.ablation import ablate, parse_ablations
from qembed.pipeline.experiments.gate_causes import causes
from qembed.pipeline.experiments.inputs import index_beir, read_inputs
from qembed.pipeline.experiments.run_builder import TIMED_QUERIES, BuiltRun, RunBuilder
from qembed.pipeline.indexing.options import IndexOptions, IndexSummary
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels, Query

RECALL_DEPTH = 1000
"""How far a run goes for measures without a cutoff (AP, RR)."""


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """What `qembed eval` was asked to do."""

    queries: Path | None = None
    qrels: Path | None = None
    beir: Path | None = None
    split: str = "test"
    runs: Sequence[Path] = ()
    measures: str | None = None
    asked: QueryOptions = field(default_factory=QueryOptions)
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


@dataclass(slots=True)
class EvalResult:
    """What came of it. `body` is the JSON report; `indexed` what `--beir` had to do first."""

    report: Report
    body: dict[str, Any]
    gates: Sequence[GateResult]
    warnings: Sequence[str]
    indexed: IndexSummary | None = None

    @property
    def passed(self) -> bool:
        """Whether every gate did."""
        return all(g.ok for g in self.gates)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Options, parsed and found to make sense together."""

    measures: list[Measure]
    gates: list[Gate]
    floors: list[Gate]
    drops: list[Drop]
    significant: list[str]
    ablations: list[list[str]]
    baseline: Mapping[str, Any] | None


def _plan(wanted: EvalOptions) -> _Plan:
    gates, floors = parse_gates(wanted.fail_under), parse_gates(wanted.query_floor)
    drops = parse_drops(wanted.max_drop)
    significant = parse_measures(wanted.max_drop_significant) if wanted.max_drop_significant else []
    if (drops or significant) and wanted.baseline is None:
        raise UsageError("--max-drop wants --baseline REPORT.json to compare with")
    if wanted.common and wanted.baseline is None:
        raise UsageError("--common wants --baseline REPORT.json to compare with")
    if not 0 < wanted.alpha < 1:
        raise UsageError(f"--alpha {wanted.alpha:g}: between 0 and 1")
    ablations = parse_ablations(wanted.ablate)
    if ablations and wanted.runs:
        raise UsageError("--ablate wants an index: a run made elsewhere cannot be made anew")
    check_report_paths(wanted.reports)
    baseline = read_report(wanted.baseline) if wanted.baseline else None
    extra: list[Gate | Drop | Measure] = [*gates, *drops, *significant, *floors]
    measures = measures_for(
        parse_measures(DEFAULT if wanted.measures is None else wanted.measures), extra
    )
    names = [m.name for m in significant]
    return _Plan(measures, gates, floors, drops, names, ablations, baseline)


def run_evaluation(
    wanted: EvalOptions,
    root: Callable[[], Path],
    progress: Progress | None = None,
    track: Callable[[int], None] | None = None,
) -> EvalResult:
    """Evaluates. `root` finds the index if one is needed.

    Raises InputError for files that do not fit together, UsageError for options that do not.
    """
    plan = _plan(wanted)
    warnings: list[str] = []
    queries, qrels, corpus = read_inputs(
        wanted.queries, wanted.qrels, wanted.beir, wanted.split, not wanted.runs, warnings.append
    )
    made = _Made(queries, qrels, settings={"measures": [m.name for m in plan.measures]})
    if wanted.runs:
        return _verdict(wanted, plan, _foreign(wanted, plan, made, warnings), warnings, None)
    if corpus is not None:
        where, made.indexed = index_beir(corpus, wanted.index, progress or Progress())
    else:
        where = root()
    began = time.perf_counter()
    with Session(where, None if corpus is not None else wanted.model) as opened:
        ranker = RunBuilder(opened, queries, qrels)
        session = ranker.session
        depth = max(cutoff(m.name) or RECALL_DEPTH for m in plan.measures)
        asked = replace(wanted.asked, k=depth)
        made.latency = ranker.latency(asked, began, wanted.latency)
        made.ranking = ranker.rank(asked, track=track)
        made.documents = ranker.documents
        made.known = {*ranker.documents, *(s for of in ranker.spans.values() for s in of)}
        made.settings |= _settings(session, asked, made.ranking)
        made.recipe = session.recipe.to_json()
        warnings += made.ranking.warnings
        _check(made, warnings)
        for names in plan.ablations:
            found = ablate(
                ranker, names, asked, plan.measures, qrels, warnings.append, wanted.alpha
            )
            made.arms += found.arms
            made.recommendations.append(found.recommendation)
        made.settings["seconds"] = {k: round(v, 3) for k, v in session.timer.items()}
        made.settings["encoded_texts"] = ranker.encoder.texts
        return _verdict(wanted, plan, made, warnings, session)


@dataclass(slots=True)
class _Made:
    """What there is to measure."""

    queries: Sequence[Query]
    qrels: Qrels
    settings: dict[str, Any]
    ranking: BuiltRun = field(default_factory=lambda: BuiltRun({}))
    documents: Mapping[str, bytes] | None = None
    known: set[str] | None = None
    recipe: Mapping[str, Any] | None = None
    latency: Mapping[str, Any] | None = None
    arms: list[dict[str, Any]] = field(default_factory=list)
    recommendations: list[str] = field(default_factory=list)
    indexed: IndexSummary | None = None


def _check(made: _Made, warnings: list[str]) -> None:
    findings = check_run(made.ranking.run, made.qrels, made.queries, made.known)
    if findings.errors:
        raise InputError("this cannot be evaluated:", findings.errors)
    warnings += findings.warnings


def _foreign(wanted: EvalOptions, plan: _Plan, made: _Made, warnings: list[str]) -> _Made:
    """Runs made elsewhere: the first is judged, the others are compared with it."""
    names = [path.name for path in wanted.runs]
    if len(set(names)) < len(names):
        names = [str(path) for path in wanted.runs]
    arms = []
    for name, path in zip(names, wanted.runs, strict=True):
        made.ranking = BuiltRun(read_run(path))
        heard: list[str] = []
        try:
            _check(made, heard)
        except InputError as e:
            if len(names) == 1:
                raise
            raise InputError(f"{path} cannot be evaluated:", e.problems) from e
        warnings += heard if len(names) == 1 else [f"{name}: {line}" for line in heard]
        arms.append((name, made.ranking))
    made.ranking = arms[0][1]
    made.settings["run"] = names[0]
    if len(arms) > 1:
        made.settings["runs"] = names
        reports = [
            Variant({"run": name}, evaluate(plan.measures, made.qrels, ranking.run))
            for name, ranking in arms
        ]
        first = plan.measures[0].name
        made.arms = variants_json("run", reports, 0, first)
        made.recommendations = [recommend("run", reports, 0, first, alpha=wanted.alpha)]
    return made


def _settings(session: Session, asked: QueryOptions, ranking: BuiltRun) -> dict[str, Any]:
    """How the run was made, for the report."""
    return {
        "task": asked.task or session.snapshot.manifest.settings.get("task"),
        "encoded": Retriever(session, asked).instructions([Query("", "{query}")])[0],
        "profile": session.loaded.model.profile.name,
        "mode": asked.mode,
        "fusion": asked.fusion,
        "where": list(asked.where),
        "search": asked.search,
        "ef": asked.ef,
        "plan": ranking.plan,
        "rerank": asked.rerank,
        "candidates": asked.candidates if asked.rerank else None,
        "depth": asked.k,
        "generation": session.snapshot.manifest.generation,
        "truncated_queries": ranking.truncated,
    }


def _verdict(
    wanted: EvalOptions, plan: _Plan, made: _Made, warnings: list[str], session: Session | None
) -> EvalResult:
    run, qrels = made.ranking.run, made.qrels
    order = orders(qrels, run)
    report = evaluate(plan.measures, qrels, run, order)
    results = [*apply_gates(plan.gates, report), *apply_floors(plan.floors, report)]
    body = report_json(
        report,
        settings=made.settings,
        recipe=made.recipe,
        ablations=made.arms,
        floors=plan.floors,
        inputs=inputs_json(made.queries, qrels, made.documents),
        latency=made.latency,
        recall=recall_curve(run, qrels, made.settings.get("depth"), order),
        recommendations=made.recommendations,
        details=details_json(made.queries, qrels, run, made.ranking.titles, order),
        warnings=warnings,
        causes=[],
    )
    if plan.baseline is not None:
        names = [*(drop.measure for drop in plan.drops), *plan.significant]
        chosen, differs = comparable(plan.baseline, body, names, common=wanted.common)
        warnings += [f"not the baseline's: {line}" for line in differs]
        found = differences(plan.baseline, report, chosen)
        results += apply_drops(plan.drops, plan.significant, found, wanted.alpha)
        body["comparison"] = comparison_json(found, len(chosen), differs)
    body["gates"] = [g.to_json() for g in results]
    verdict = EvalResult(report, body, results, warnings, made.indexed)
    if not verdict.passed:
        judged = [q for q in made.queries if qrels.get(q.id)]
        body["causes"] = causes(session, wanted.asked, judged, body, plan.baseline)
    if wanted.save_run is not None:
        write_run(run, wanted.save_run)
    for path in wanted.reports:
        write_report(body, path)
    return verdict
