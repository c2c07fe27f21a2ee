"""Update of an index's model: verdict, material, training, judgment, rebuild, switch, by gates."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from qembed.pipeline.drift.check import check_drift
from qembed.pipeline.drift.document_times import document_times, parse_since
from qembed.pipeline.drift.index_side import added_since
from qembed.pipeline.drift.sides import DEFAULT_SINCE
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.store.manifest import read as read_manifest
from qembed.training.libraries import require_trainer
from qembed.training.model_folders import check_new
from qembed.training.updating.gates import (
    Gate,
    judgment_gate,
    material_gate,
    training_gate,
    verdict_gate,
)
from qembed.training.updating.job import Judged, UpdateJob, Warn
from qembed.training.updating.judgment import judge_update
from qembed.training.updating.material import make_material
from qembed.training.updating.resume import keep_training, read_training, training_key
from qembed.training.updating.switch import rebuild_command, switch
from qembed.training.updating.train import train_on


@dataclass(slots=True)
class _Update:
    """Update in the making. `found`: parts of the command's JSON."""

    job: UpdateJob
    golden: Judged | None
    progress: Progress
    warn: Warn
    found: dict[str, Any] = field(default_factory=dict)

    def verdict(self) -> list[Gate]:
        """Gate of the verdict of drift."""
        job = self.job
        body = check_drift(job.root, job.drift, self.progress)
        for line in body["warnings"]:
            self.warn(line)
        self.found["drift"] = {k: body[k] for k in ("verdict", "reason", "step", "old", "new")}
        gate = verdict_gate(body, job.level or "nothing")
        return [gate if job.level is not None else gate._replace(passed=True)]

    def train(self) -> list[Gate]:
        """Gates of material, training and judgment."""
        job, progress = self.job, self.progress
        with Session(job.root) as session:
            since = parse_since(job.since or DEFAULT_SINCE)
            times = document_times(session.snapshot.catalog, job.time_field)
            is_new = added_since(session.snapshot, times, since)
            seed = job.options.seed
            material = make_material(session, is_new, job.most, job.replay, seed, progress)
            spec = session.loaded.given_spec or session.snapshot.manifest.spec
            recipe = session.recipe.fingerprint
        trained, replayed = len(material.trained), material.replayed
        gates = [material_gate(trained, replayed, len(material.new), len(material.old))]
        if not gates[-1].passed:
            return gates
        key = training_key(job, recipe, material)
        if (body := read_training(job, key)) is None:
            check_new(job.out)
            body = train_on(job, material, spec, progress, self.warn)
            if body["written"]:
                keep_training(job, key, body)
        else:
            progress.say(f"{job.out} was trained by an earlier run: going on with it")
        self.found["training"] = {k: body[k] for k in ("settings", "verdict", "worse", "written")}
        gates.append(training_gate({**body, "out": str(job.out)}))
        if not gates[-1].passed:
            return gates
        self.found["verdict"] = judge_update(job, spec, material, self.golden, progress)
        return [*gates, judgment_gate(self.found["verdict"])]

    def rebuild(self) -> list[Gate]:
        """Gates of the rebuild and the switch."""
        if not self.job.rebuild:
            return [Gate("rebuild", True, f"left to you: {rebuild_command(self.job)}")]
        return switch(self.job, self.golden, self.progress, self.warn)


def update_model(
    job: UpdateJob, progress: Progress | None = None, warn: Warn = lambda _: None
) -> dict[str, Any]:
    """Update, and return the command's JSON. Raises what `check_drift`, `adapt_encoder`, `train_encoder` and
    `build` raise.
    """
    began = time.perf_counter()
    golden = job.check(warn)
    require_trainer()
    update = _Update(job, golden, progress or Progress(), warn)
    gates: list[Gate] = []
    for step in (update.verdict, update.train, update.rebuild):
        gates += step()
        if not gates[-1].passed:
            break
    stopped = None if gates[-1].passed else gates[-1].step
    found = update.found
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
