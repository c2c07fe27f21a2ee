"""`qembed eval`: queries and judgments to measures, gates and a report.

judgments + queries -> run (built here, or read) -> consistency checks -> measures -> gates -> report
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from qembed.errors import InputError
from qembed.evaluation import (
    GateResult,
    Report,
    Variant,
    apply_drops,
    apply_floors,
    apply_gates,
    baseline_differences,
    comparable_queries,
    comparison_json,
    details_json,
    document_changes,
    evaluate,
    inputs_json,
    moved_json,
    over_part,
    rankings,
    read_run,
    recall_curve,
    recommend,
    report_json,
    too_shallow,
    variants_json,
    write_report,
    write_run,
)
from qembed.evaluation.baseline import changed_depth, changed_settings, uncompared_measures
from qembed.evaluation.formats.source_file import summarize_names
from qembed.pipeline.experiments.ablation import ablate
from qembed.pipeline.experiments.eval_options import EvalOptions, EvalPlan
from qembed.pipeline.experiments.eval_result import EvalResult
from qembed.pipeline.experiments.evidence import Evidence
from qembed.pipeline.experiments.gate_causes import causes
from qembed.pipeline.experiments.inputs import index_beir, plan_and_read
from qembed.pipeline.experiments.run_builder import (
    BuiltRun,
    RunBuilder,
    corpus_contents,
    deep_enough,
)
from qembed.pipeline.experiments.truncation import describe_truncation, passage_truncation
from qembed.pipeline.progress import Progress, StageTimer
from qembed.pipeline.provenance.provenance import provenance
from qembed.pipeline.retrieval.options import QueryOptions, check_options, with_tuned
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query, Run


def run_evaluation(
    options: EvalOptions,
    root: Callable[[], Path],
    progress: Progress | None = None,
) -> EvalResult:
    """Evaluate. `root` finds the index, if one is needed.

    Raises InputError for files that do not belong together, UsageError for options that do not.
    """
    progress = progress or Progress()
    warnings: list[str] = []
    plan, inputs = plan_and_read(options, warnings.append)
    evidence = Evidence(
        inputs, settings={"measures": [m.name for m in plan.measures]}, warnings=warnings
    )
    if options.runs:
        _read_runs(options, plan, evidence)
        return _finish(options, plan, evidence, None, progress)
    if inputs.corpus is not None:
        index, evidence.indexed = index_beir(inputs.corpus, options.index, progress)
    else:
        index = root()
    began = time.perf_counter()
    with Session(index, None if inputs.corpus is not None else options.model) as opened:
        builder = RunBuilder(opened, inputs.queries, inputs.qrels, progress)
        _build_run(options, plan, evidence, builder, began)
        return _finish(options, plan, evidence, builder.session, progress)


def _build_run(
    options: EvalOptions,
    plan: EvalPlan,
    evidence: Evidence,
    builder: RunBuilder,
    began: float,
) -> None:
    """Time queries, rank all of them, then run the ablations. `began`: when the index was opened."""
    session = builder.session
    asked = replace(options.query, k=plan.depth)
    query, applied = with_tuned(asked, session.snapshot.manifest.tuned)
    check_options(query)
    query = deep_enough(query)
    # latency first: it includes loading the model, and its queries must not be encoded yet
    evidence.latency = builder.latency(query, began, options.latency)
    evidence.built = builder.rank(query)
    evidence.documents = builder.documents
    spans = (span for of_query in builder.spans.values() for span in of_query)
    evidence.known = {*builder.documents, *spans}
    evidence.settings |= _settings(session, query, evidence.built)
    evidence.settings["tuned"] = applied or None
    evidence.recipe = session.recipe.to_json()
    evidence.settings["truncated_passages"] = passage_truncation(session)
    evidence.warnings += describe_truncation(
        evidence.settings["truncated_passages"], session.recipe.max_tokens
    )
    evidence.warnings += evidence.built.warnings
    evidence.warnings += evidence.check()
    for axes in plan.ablations:
        found = ablate(builder, axes, query, plan.measures, evidence.inputs.qrels, options.alpha)
        evidence.variants += found.variants
        evidence.recommendations.append(found.recommendation)
        evidence.warnings += found.warnings
    evidence.warnings += builder.refused_pairs()
    indexing = {} if evidence.indexed is None else {"index": evidence.indexed.seconds["total"]}
    evidence.settings["seconds"] = {
        k: round(v, 3) for k, v in {**indexing, **session.timer}.items()
    }
    evidence.settings["encoded_texts"] = builder.encoder.texts


def _settings(session: Session, query: QueryOptions, built: BuiltRun) -> dict[str, Any]:
    """Describe how the run was made, for the report's `settings`."""
    return {
        "task": query.task or session.snapshot.manifest.settings.get("task"),
        "encoded": Retriever(session, query).instructions([Query("", "{query}")])[0],
        "profile": session.loaded.model.profile.name,
        "mode": query.mode,
        "document_score": query.document_score,
        "fusion": query.fusion,
        "fusion_parameters": query.fusion_parameters and query.fusion_parameters._asdict(),
        "where": list(query.where),
        "search": query.search,
        "ef": query.ef,
        "plan": built.plan,
        "rerank": query.rerank,
        "candidates": query.candidates if query.rerank else None,
        "depth": query.k,
        "generation": session.snapshot.manifest.generation,
        "truncated_queries": built.truncated,
    }


def _read_runs(options: EvalOptions, plan: EvalPlan, evidence: Evidence) -> None:
    """Read runs of other systems: the first is reported, the others are compared with it."""
    names = [path.name for path in options.runs]
    if len(set(names)) < len(names):
        names = [str(path) for path in options.runs]
    runs = []
    for name, path in zip(names, options.runs, strict=True):
        evidence.built = BuiltRun(read_run(path, warn=evidence.warnings.append))
        shallow = too_shallow(evidence.built.run, plan.measures)
        try:
            found = [*evidence.check(), *([shallow] if shallow else [])]
        except InputError as e:
            if len(names) == 1:
                raise
            raise InputError(f"{path} cannot be evaluated:", e.problems) from e
        which = "" if len(names) == 1 else f"{name}: "
        evidence.warnings += [which + warning for warning in found]
        runs.append(evidence.built)
    evidence.built = runs[0]
    evidence.settings["run"] = names[0]
    if len(runs) > 1:
        evidence.settings["runs"] = names
        variants = [
            Variant({"run": name}, evaluate(plan.measures, evidence.inputs.qrels, built.run))
            for name, built in zip(names, runs, strict=True)
        ]
        first = plan.measures[0].name
        evidence.variants = variants_json("run", variants, 0, first)
        evidence.recommendations = [recommend("run", variants, 0, first, alpha=options.alpha)]


def _finish(
    options: EvalOptions,
    plan: EvalPlan,
    evidence: Evidence,
    session: Session | None,
    progress: Progress,
) -> EvalResult:
    """Measure, apply the gates, and write the run and the reports."""
    timer = StageTimer()
    progress.phase("measures", "", None)
    with timer("measures"):
        report, body = _measure(options, plan, evidence, session)
    if plan.baseline is not None:
        progress.phase("comparison", "", None)
    with timer("comparison"):
        gates = [*apply_gates(plan.gates, report), *apply_floors(plan.floors, report)]
        if plan.baseline is not None:
            gates += _compare(options, plan, report, body, evidence.warnings)
        body["gates"] = [g.to_json() for g in gates]
        result = EvalResult(report, body, gates, evidence.indexed)
        if not result.passed:
            judged = [q for q in evidence.inputs.queries if evidence.inputs.qrels.get(q.id)]
            body["causes"] = causes(session, options.query, judged, body, plan.baseline)
    seconds = body["settings"].setdefault("seconds", {})
    seconds |= {stage: round(s, 3) for stage, s in timer.items()}
    if options.save_run is not None or options.reports:
        progress.phase("reports", "", None)
    with timer("reports"):
        _write(options, result, evidence.built.run)
    seconds["reports"] = round(timer["reports"], 3)
    return result


def _write(options: EvalOptions, result: EvalResult, run: Run) -> None:
    """Write the run and the reports; the result gets what went wrong."""
    body = result.body
    if options.save_run is not None:
        result.write(partial(write_run, run, warn=body["warnings"].append), options.save_run)
    body |= {key: [options.reword(w) for w in body[key]] for key in ("warnings", "causes")}
    for path in options.reports:
        if result.write(partial(write_report, body), path):
            result.reports.append(path)


def _measure(
    options: EvalOptions, plan: EvalPlan, evidence: Evidence, session: Session | None
) -> tuple[Report, dict[str, Any]]:
    """(measures, the report's JSON before gates and comparison)."""
    qrels, run = evidence.inputs.qrels, evidence.built.run
    order = rankings(qrels, run)
    report = evaluate(plan.measures, qrels, run, order)
    body = report_json(
        report,
        settings=evidence.settings,
        recipe=evidence.recipe,
        ablations=evidence.variants,
        floors=plan.floors,
        inputs=inputs_json(evidence.inputs.queries, qrels, evidence.documents),
        latency=evidence.latency,
        recall=recall_curve(run, qrels, evidence.settings.get("depth"), order),
        recommendations=evidence.recommendations,
        details=details_json(evidence.inputs.queries, qrels, run, evidence.built.titles, order),
        warnings=evidence.warnings,
        causes=[],
        provenance=provenance(
            options.beir or (None if session is None else session.snapshot.root),
            None if options.beir else evidence.settings.get("generation"),
        ),
        **corpus_contents(None if evidence.documents is None else session),
    )
    return report, body


def _compare(
    options: EvalOptions,
    plan: EvalPlan,
    report: Report,
    body: dict[str, Any],
    warnings: list[str],
) -> list[GateResult]:
    """Compare with the baseline: fills `body["comparison"]`, adds warnings, returns the drops' results."""
    assert plan.baseline is not None
    queries, differs = comparable_queries(plan.baseline, body, common=options.common)
    warnings += [f"compared with the baseline, {line}" for line in differs]
    if recipe := changed_settings(plan.baseline, body, ["recipe"]):
        warnings.append(f"compared with the baseline, the index is another: {'; '.join(recipe)}")
    if depth := changed_depth(plan.baseline, body):
        warnings.append(f"compared with the baseline, {depth}")
    if lacking := uncompared_measures(plan.baseline, list(report.measures)):
        warnings.append(f"not compared: the baseline has no {summarize_names(lacking)}")
    found = baseline_differences(plan.baseline, report, queries)
    compared = [d.measure for d in found]
    body["comparison"] = comparison_json(
        found,
        len(queries),
        differs,
        moved=moved_json(plan.baseline, body, queries, compared),
        left_out=sorted(report.per_query.keys() - set(queries)),
        documents=document_changes(plan.baseline, body),
        provenance=plan.baseline.get("provenance"),
    )
    drops = apply_drops(plan.drops, plan.significant, found, options.alpha)
    return over_part(drops, len(queries), len(report.per_query), plan.baseline["queries"])
