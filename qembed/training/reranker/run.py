"""`qembed train reranker`: from judgments or preferences to a reranker, written if it is not worse."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qembed.pipeline.progress import Progress
from qembed.training.judging import compare_sides, fell
from qembed.training.libraries import require_trainer
from qembed.training.reranker.candidates import (
    ALIKE,
    PREFERRED,
    Reranked,
    first_kept,
    rerank,
    search_alone,
)
from qembed.training.reranker.examples import make_rows
from qembed.training.reranker.job import RerankerJob
from qembed.training.reranker.material import Material, make_material
from qembed.training.reranker.reranker_folder import load_trainable_reranker
from qembed.training.reranker.trainer import train_reranker_model
from qembed.training.rows import Row
from qembed.training.split import dev_queries
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_loop import TrainingOptions


def train_reranker(
    job: RerankerJob,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, judge and write a reranker; returns the command's JSON.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt,
    NothingLearned.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    require_trainer()
    job.check()
    model, folder = load_trainable_reranker(job.model)
    given = make_material(job, progress, warn)
    rows, dev = _divided(given, job.options)
    before = _measure(model, given, "judge before", progress)
    work = checkpoints_folder(job.out)
    mark = time.perf_counter()
    done = train_reranker_model(model, rows, dev, job.options, work, progress)
    seconds = {"train": round(time.perf_counter() - mark, 3)}
    after = _measure(model, given, "judge after", progress)
    verdict = _verdict(given, before, after)
    ended = Ended(
        command="reranker",
        base=job.model,
        revision=folder.revision(),
        trained=given.trained(),
        settings={
            "candidates": job.candidates,
            "replay": job.replay,
            "replayed": len(given.old),
            "feedback": given.of_log,
        },
        done=done,
        verdict=verdict,
        worse=worse(verdict, after[0]),
        files=[job.queries, job.qrels, job.lists, job.preferences, job.replay_from],
    )
    return conclude(model, job.out, job, ended, seconds, began, progress)


def _divided(given: Material, options: TrainingOptions) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and rows that tell when to stop, of new examples alone; of different queries."""
    chosen = dev_queries([e.query_id for e in given.examples], options.seed)
    now = [e for e in given.examples if e.query_id not in chosen]
    rows = make_rows([*now, *given.old], options.loss)
    dev = [e for e in given.examples if e.query_id in chosen and len(set(e.grades)) > 1]
    return rows, make_rows(dev, options.loss) if dev else []


def _measure(
    model: Any, given: Material, phase: str, progress: Progress
) -> tuple[Reranked, Reranked | None]:
    sets = [s for s in (given.held_out, given.kept) if s is not None]
    progress.phase(phase, "pairs", sum(len(s.pairs()) for s in sets))
    kept = None if given.kept is None else rerank(model, given.kept, progress)
    return rerank(model, given.held_out, progress), kept


def _verdict(
    given: Material,
    before: tuple[Reranked, Reranked | None],
    after: tuple[Reranked, Reranked | None],
) -> dict[str, Any]:
    split, measure = given.split, given.held_out.measure
    stayed = first_kept(before[0], after[0])
    kept = None if stayed is None else {"first": stayed}
    if given.kept is not None and before[1] is not None and after[1] is not None:
        kept = compare_sides(before[1], after[1], given.kept.queries)
    verdict: dict[str, Any] = {
        "new": compare_sides(before[0], after[0], split.new, split.components, measure),
        "seen": compare_sides(before[0], after[0], split.seen, None, measure),
        "kept": kept,
        "search": None,  # no search has found the texts of preferences
    }
    if measure != PREFERRED:
        alone = search_alone(given.held_out).values
        verdict["search"] = sum(alone[q.id] for q in split.new) / len(split.new)
    return verdict


def worse(verdict: dict[str, Any], after: Reranked) -> str | None:
    """Reason for which a reranker is not written, None if it is not worse."""
    if after.spread() < ALIKE:
        return (
            f"the scores of a query's candidates are all alike (deviation {after.spread():.1e}): the "
            "training collapsed"
        )
    return fell(verdict)
