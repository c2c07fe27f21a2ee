"""Update of an index's model: verdict, material, training, judgment, rebuild; it ends at the first gate."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.models import open_model
from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.document_times import document_times, parse_since
from qembed.pipeline.drift.index_side import added_since
from qembed.pipeline.drift.sides import DEFAULT_SINCE, DriftOptions
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.store.manifest import read as read_manifest
from qembed.training.adapting.judged import JudgedQueries, hide_queries
from qembed.training.adapting.made_queries import MadeQuery, write_made_queries
from qembed.training.adapting.run import AdaptJob, adapt_encoder
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.verdict import Judge
from qembed.training.judging import compare_sides, make_pool
from qembed.training.libraries import require_trainer
from qembed.training.merging.merge import merge_models
from qembed.training.model_folders import check_new
from qembed.training.training_loop import TrainingOptions
from qembed.training.updating.gates import (
    Gate,
    judgment_gate,
    material_gate,
    training_gate,
    verdict_gate,
)
from qembed.training.updating.material import Material, make_material
from qembed.types import Qrels, Query

Warn = Callable[[str], None]
ADAPT_HELD_OUT = 0.15
"""Share of the training's own queries that its verdict is about; the update judges by others."""


@dataclass(frozen=True, slots=True)
class UpdateJob:
    """Choices of an update.

    `out`: folder of the new model. `level`: verdict from which on it begins; None: whatever the verdict.
    `replay`: share of queries of old documents in the training. `merge`: share of the trained model in what
    is taken; 1 for all of it. `rebuild` False: stop before the index is made anew.
    """

    root: Path
    out: Path
    since: str | None = None
    time_field: str | None = None
    golden: tuple[Path, Path] | None = None
    level: str | None = "confirm"
    replay: float = 0.5
    merge: float = 1.0
    most: int = 2_000
    rebuild: bool = True
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def check(self) -> None:
        """Raise UsageError for choices that make no sense, StorageError for an `out` that is there."""
        self.options.check()
        if not 0 <= self.replay < 1:
            raise UsageError(f"--replay {self.replay:g}: at least 0 and below 1")
        if not 0 < self.merge <= 1:
            raise UsageError(f"--merge {self.merge:g}: above 0, at most 1")
        if self.most < 1:
            raise UsageError(f"--most {self.most}: at least 1")
        check_new(self.out)

    @property
    def drift(self) -> DriftOptions:
        """Options of the check that begins it."""
        return DriftOptions(
            since=self.since or DEFAULT_SINCE, time_field=self.time_field, golden=self.golden
        )


def update_model(
    job: UpdateJob, progress: Progress | None = None, warn: Warn = lambda _: None
) -> dict[str, Any]:
    """Update, and return the command's JSON. Raises what `check_drift`, `adapt_encoder` and `build` raise."""
    progress = progress or Progress()
    job.check()
    require_trainer()
    began = time.perf_counter()
    gates: list[Gate] = []
    found: dict[str, Any] = {}
    for step in (_verdict, _train, _rebuild):
        gates += step(job, found, progress, warn)
        if not gates[-1].passed:
            break
    stopped = None if gates[-1].passed else gates[-1].step
    return {
        "schema": 1,
        "updated": stopped is None and job.rebuild,
        "stopped_at": stopped,
        "steps": [g.to_json() for g in gates],
        "out": str(job.out) if job.out.exists() else None,
        "drift": found.get("drift"),
        "training": found.get("training"),
        "verdict": found.get("verdict"),
        "generation": read_manifest(job.root).generation,
        "seconds": {"total": round(time.perf_counter() - began, 3)},
    }


def _verdict(job: UpdateJob, found: dict[str, Any], progress: Progress, warn: Warn) -> list[Gate]:
    body = check_drift(job.root, job.drift, progress)
    for line in body["warnings"]:
        warn(line)
    found["drift"] = {k: body[k] for k in ("verdict", "reason", "step", "old", "new")}
    gate = verdict_gate(body, job.level or "nothing")
    return [gate if job.level is not None else gate._replace(passed=True)]


def _train(job: UpdateJob, found: dict[str, Any], progress: Progress, warn: Warn) -> list[Gate]:
    """Gates of material, training and judgment."""
    with Session(job.root) as session:
        since = parse_since(job.since or DEFAULT_SINCE)
        times = document_times(session.snapshot.catalog, job.time_field)
        is_new = added_since(session.snapshot, times, since)
        material = make_material(session, is_new, job.most, job.replay, job.options.seed, progress)
        spec = session.loaded.given_spec or session.snapshot.manifest.spec
    gates = [
        material_gate(
            len(material.trained), material.replayed, len(material.new), len(material.old)
        )
    ]
    if not gates[-1].passed:
        return gates
    made = job.out.with_name(f"{job.out.name}.made.jsonl")
    write_made_queries(material.trained, made)
    trained = job.out if job.merge == 1 else job.out.with_name(f"{job.out.name}.trained")
    check_new(trained)
    body = adapt_encoder(
        AdaptJob(
            root=job.root,
            out=trained,
            made=made,
            most=job.most,
            held_out=ADAPT_HELD_OUT,
            options=job.options,
        ),
        progress,
        warn,
    )
    found["training"] = {k: body[k] for k in ("settings", "verdict", "worse", "written")}
    gates.append(training_gate(body))
    if not gates[-1].passed:
        return gates
    if job.merge < 1:
        merge_models(spec, str(trained), job.out, weight=job.merge)
    found["verdict"] = _judge(job, spec, material, progress, warn)
    return [*gates, judgment_gate(found["verdict"])]


def _judge(
    job: UpdateJob, spec: str, material: Material, progress: Progress, warn: Warn
) -> dict[str, Any]:
    """Differences of the new model and the present one: on new, on old, and on judged queries."""
    sets = {"new": _as_judged(material.new), "old": _as_judged(material.old)}
    golden: tuple[Sequence[Query], Qrels] | None = None
    if job.golden is not None:
        given = read_inputs(*job.golden, None, "test", needs_words=True, warn=warn)
        golden = [q for q in given.queries if given.qrels.get(q.id)], given.qrels
    opened = open_model(spec)
    with Session(job.root) as session:
        wanted = [d for s in sets.values() for q in s.all for d in s.qrels[q.id]]
        if golden is not None:
            wanted += [d for q in golden[0] for d in golden[1][q.id]]
        pool = make_pool(session, wanted, opened)
    before, after = load_trainable(spec)[0], load_trainable(str(job.out))[0]
    found: dict[str, Any] = {}
    for name, judged in sets.items():
        judge = Judge(
            hide_queries(pool, judged), judged.all, judged.qrels, opened.profile, None, progress
        )
        was, now = judge.before(before), judge.after(after)
        found[name] = compare_sides(was.own, now.own, judged.new)
    if golden is not None and golden[0]:
        judge = Judge(pool, golden[0], golden[1], opened.profile, None, progress)
        was, now = judge.before(before), judge.after(after)
        found["golden"] = compare_sides(was.own, now.own, list(golden[0]))
    return found


def _as_judged(made: Sequence[MadeQuery]) -> JudgedQueries:
    qrels: Qrels = {q.id: {q.document: 1} for q in made}
    return JudgedQueries([Query(q.id, q.text) for q in made], [], [], qrels, True)


def _rebuild(
    job: UpdateJob, found: Mapping[str, Any], progress: Progress, warn: Warn
) -> list[Gate]:
    """Make the index anew beside the present one, and switch."""
    if not job.rebuild:
        return [Gate("rebuild", True, f"left to you: qembed index --rebuild --model {job.out}")]
    options = IndexOptions(recipe=RecipeOptions(model=str(job.out)), rebuild=True)
    summary = build(job.root, options, progress)
    for failed in summary.failed[:5]:
        warn(str(failed))
    if summary.interrupted:
        return [Gate("rebuild", False, "stopped: the same qembed index --rebuild goes on")]
    said = f"generation {summary.generation}, {summary.passages['total']:,} passages"
    return [Gate("rebuild", True, said)]
