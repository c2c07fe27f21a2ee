"""`qembed eval`: queries and judgments to numbers, gates and a report.

judgments + queries -> run (ours, or one made elsewhere) -> checks -> measures -> gates -> report
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.models import cache_folder
from qembed.pipeline.build import build
from qembed.pipeline.locate import FOLDER, model_spec
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieve import Asked, Retriever
from qembed.pipeline.session import Session
from qembed.pipeline.summary import Options, Summary
from qembed.quality import (
    DEFAULT,
    GateResult,
    Report,
    apply_gates,
    check_report_paths,
    check_run,
    compare_with_baseline,
    comparison_json,
    evaluate,
    measures_for,
    parse_drops,
    parse_gates,
    parse_measures,
    read_beir,
    read_qrels,
    read_queries,
    read_report,
    read_run,
    report_json,
    write_report,
    write_run,
)
from qembed.types import Qrels, Query, Run

DEEP = 1000
"""How far a run goes for measures without a cutoff (AP, RR)."""
QUERIES = 500
"""Queries ranked at a time: bounds the pairs a reranker holds."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What `qembed eval` was asked to do."""

    queries: Path | None = None
    qrels: Path | None = None
    beir: Path | None = None
    split: str = "test"
    run: Path | None = None
    measures: str = DEFAULT
    asked: Asked = field(default_factory=Asked)
    index: Options = field(default_factory=Options)
    model: str | None = None
    fail_under: Sequence[str] = ()
    baseline: Path | None = None
    max_drop: Sequence[str] = ()
    save_run: Path | None = None
    reports: Sequence[Path] = ()


@dataclass(slots=True)
class Verdict:
    """What came of it. `body` is the JSON report; `indexed` what `--beir` had to do first."""

    report: Report
    body: dict[str, Any]
    gates: Sequence[GateResult]
    warnings: Sequence[str]
    indexed: Summary | None = None

    @property
    def passed(self) -> bool:
        """Whether every gate did."""
        return all(g.ok for g in self.gates)


def judge(
    wanted: Wanted,
    root: Callable[[], Path],
    progress: Progress | None = None,
    track: Callable[[int], None] | None = None,
) -> Verdict:
    """Evaluates. `root` finds the index if one is needed.

    Raises InputError for files that do not fit together, UsageError for options that do not.
    """
    gates, drops = parse_gates(wanted.fail_under), parse_drops(wanted.max_drop)
    if drops and wanted.baseline is None:
        raise UsageError("--max-drop wants --baseline REPORT.json to compare with")
    check_report_paths(wanted.reports)
    baseline = read_report(wanted.baseline) if wanted.baseline else None
    measures = measures_for(parse_measures(wanted.measures), [*gates, *drops])
    warnings: list[str] = []
    queries, qrels, corpus = _inputs(wanted, warnings.append)
    indexed: Summary | None = None
    recipe: Mapping[str, Any] | None = None
    settings: dict[str, Any] = {"measures": [m.name for m in measures]}
    if wanted.run is not None:
        run = read_run(wanted.run)
        documents = None
        settings["run"] = wanted.run.name
    else:
        if corpus is not None:
            where, indexed = _index_beir(corpus, wanted, progress or Progress())
        else:
            where = root()
        session = Session(where, None if corpus is not None else wanted.model)
        depth = max(_cutoff(m.name) or DEEP for m in measures)
        asked = replace(wanted.asked, k=depth, by="document")
        run, used = make_run(session, asked, queries, qrels, track)
        settings.update(used)
        recipe = session.recipe.to_json()
        documents = set(session.snapshot.catalog.ids())
    findings = check_run(run, qrels, queries, documents)
    if findings.errors:
        raise InputError("this cannot be evaluated:", findings.errors)
    warnings += findings.warnings
    report = evaluate(measures, qrels, run)
    results = apply_gates(gates, report)
    comparison = None
    if baseline is not None:
        results += compare_with_baseline(baseline, report, drops)
        comparison = comparison_json(baseline, report)
    body = report_json(
        report, settings=settings, recipe=recipe, gates=results, comparison=comparison
    )
    if wanted.save_run is not None:
        write_run(run, wanted.save_run)
    for path in wanted.reports:
        write_report(body, path)
    return Verdict(report, body, results, warnings, indexed)


def _cutoff(measure: str) -> int | None:
    """How deep a run a measure looks at: the number after the @, None if it looks at all of it."""
    _, at, number = measure.rpartition("@")
    return int(number) if at and number.isdigit() else None


def make_run(
    session: Session,
    asked: Asked,
    queries: Sequence[Query],
    qrels: Qrels,
    track: Callable[[int], None] | None = None,
) -> tuple[Run, dict[str, Any]]:
    """Ranks every judged query: document ids with the score of their best passage.

    A document that is the query itself (same id, same words: ArguAna, Quora) is left out.
    Returns the run and the settings it was made with, for the report.
    """
    judged = [q for q in queries if q.id in qrels]
    # one more than needed where the query itself may be among them
    own = {q.id for q in judged} & set(session.snapshot.catalog.ids())
    deeper = replace(asked, k=asked.k + 1) if own else asked
    retriever = Retriever(session, deeper)
    run: Run = {}
    for at in range(0, len(judged), QUERIES):
        part = judged[at : at + QUERIES]
        for r in retriever.rank(part, None):
            names = session.documents_of(r.rows)
            hits = dict(zip(names, r.scores.tolist(), strict=True))
            if r.query.id in hits and _is_itself(session, r.query, r.rows, names):
                del hits[r.query.id]
            run[r.query.id] = dict(list(hits.items())[: asked.k])
        if track is not None:
            track(len(part))
    model = session.model
    example = retriever.instructions([Query("", "{query}")])[0] if judged else ""
    return run, {
        "task": asked.task or session.snapshot.manifest.settings.get("task"),
        "encoded": example,
        "profile": model.profile.name,
        "mode": asked.mode,
        "search": asked.search,
        "plan": retriever.plan,
        "rerank": asked.rerank,
        "candidates": asked.candidates if asked.rerank else None,
        "depth": asked.k,
        "generation": session.snapshot.manifest.generation,
        "truncated_queries": retriever.truncated,
        "seconds": {k: round(v, 3) for k, v in session.seconds.items()},
    }


def _is_itself(session: Session, query: Query, rows: Any, names: Sequence[str]) -> bool:
    at = names.index(query.id)
    passage = session.passages(rows[at : at + 1])[0]
    title = session.snapshot.lines_of(rows[at : at + 1])[0].title
    words = query.text.strip()
    return words in (passage.text.strip(), f"{title} {passage.text}".strip())


def _inputs(wanted: Wanted, warn: Callable[[str], None]) -> tuple[list[Query], Qrels, Path | None]:
    """Queries, judgments, and the corpus if a BEIR folder brings one."""
    if wanted.beir is not None:
        if wanted.queries is not None or wanted.qrels is not None:
            raise UsageError("--beir brings its own queries and judgments")
        beir = read_beir(wanted.beir, wanted.split, warn=warn)
        return beir.queries, beir.qrels, beir.corpus
    if wanted.qrels is None:
        raise UsageError("--qrels FILE is wanted (with --queries FILE), or --beir DIR")
    qrels = read_qrels(wanted.qrels, warn=warn)
    if wanted.queries is not None:
        return read_queries(wanted.queries, warn=warn), qrels, None
    if wanted.run is None:
        raise UsageError("--queries FILE is wanted: judgments do not hold the queries' words")
    return [Query(q, "") for q in qrels], qrels, None


def _index_beir(corpus: Path, wanted: Wanted, progress: Progress) -> tuple[Path, Summary]:
    """The index of a collection in the cache, made or brought up to date; keyed by the corpus's content."""
    wishes = replace(wanted.index.wishes, model=model_spec(wanted.index.wishes.model))
    key = hashlib.blake2b(json.dumps(repr(wishes)).encode(), digest_size=12)
    with corpus.open("rb") as f:
        while piece := f.read(1 << 22):
            key.update(piece)
    folder = cache_folder() / "eval" / key.hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    # a name inside the folder, so that one content at two places is one source
    link = folder / corpus.name
    with contextlib.suppress(FileNotFoundError):
        link.unlink()
    link.symlink_to(corpus.resolve())
    root = folder / FOLDER
    options = replace(wanted.index, paths=(str(link),), wishes=wishes, wait=3600.0)
    summary = build(root, options, progress)
    if summary.interrupted:
        raise KeyboardInterrupt
    if summary.failed:
        raise InputError(
            f"{corpus}: the collection cannot be read whole:", [str(u) for u in summary.failed]
        )
    os.utime(folder)
    return root, summary
