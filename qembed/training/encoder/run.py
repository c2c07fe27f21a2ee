"""`qembed train encoder`: from judgments and an index to a trained model, written if it is not worse."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.evaluation.formats.source_file import counted
from qembed.models import Model, open_model
from qembed.models.rerankers.spec import open_reranker
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.encoder.encoder_folder import encode, load_trainable
from qembed.training.encoder.examples import make_rows
from qembed.training.encoder.losses import LossSpec, check_teacher, loss_named
from qembed.training.encoder.trainer import train
from qembed.training.encoder.verdict import Judge, worse
from qembed.training.judging import compare_sides, make_pool
from qembed.training.libraries import require_trainer
from qembed.training.mining.lists import TrainingList, check_lists_path, write_lists
from qembed.training.mining.mine import MiningOptions, mine_judged
from qembed.training.mining.new_vectors import with_new_vectors
from qembed.training.model_folders import check_new
from qembed.training.rows import Row
from qembed.training.split import QuerySplit, dev_queries, split_queries
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_lists import check_replay, replayed, training_lists
from qembed.training.training_loop import TrainingOptions
from qembed.types import Qrels


@dataclass(frozen=True, slots=True)
class EncoderJob:
    """Files and choices of a training.

    `model` None: the index's. `lists` None: mined. `rounds`: of mining and training, each with the weights of
    the one before. `write_lists`: where the lists of the last round go. `teacher`: a reranker, for losses
    that want one. `replay`: share of the rows that come from `replay_from`, lists of earlier trainings, which
    an anchor by `ewc` reads too. `keep`: a BEIR folder with what must not be forgotten. `anyway`: write the
    model also if it is worse.
    """

    root: Path
    out: Path
    queries: Path | None
    qrels: Path | None
    model: str | None = None
    lists: Path | None = None
    rounds: int = 1
    write_lists: Path | None = None
    teacher: str | None = None
    replay: float = 0.0
    replay_from: Path | None = None
    held_out: float = 0.2
    keep: Path | None = None
    anyway: bool = False
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def check(self) -> None:
        """Raise UsageError for choices that do not go together."""
        self.options.check()
        loss, temperature = loss_named(self.options.loss), self.options.temperature
        check_teacher(loss, self.teacher, temperature)
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: at least 1")
        ewc = self.options.anchor > 0 and self.options.anchor_by == "ewc"
        check_replay(self.replay, self.replay_from, ewc)
        if self.write_lists is not None:
            check_lists_path(self.write_lists, "--write-lists")
        check_new(self.out)


def train_encoder(
    job: EncoderJob,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, judge and write a model; returns the command's JSON.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    require_trainer()
    job.check()
    loss = loss_named(job.options.loss)
    given = read_inputs(job.queries, job.qrels, None, "train", needs_words=True, warn=warn)
    split = split_queries(given.queries, given.qrels, job.held_out, job.options.seed)
    seconds: dict[str, float] = {}
    with Session(job.root) as session:
        spec = job.model or session.loaded.given_spec or session.snapshot.manifest.spec
        model, folder = load_trainable(spec)
        opened = open_model(spec)
        profile = opened.profile
        lists = training_lists(session, job.lists, split, given.qrels, job.options.seed, progress)
        old = _old_lists(job, lists, split, given.qrels)
        relevant = [d for q in (*split.new, *split.seen) for d in given.qrels[q.id]]
        wanted = [*relevant, *(n.id for t in lists for n in t.negatives)]
        pool = make_pool(session, wanted, opened)
    sides = Judge(pool, [*split.new, *split.seen], given.qrels, profile, job.keep, progress)
    before = sides.before(model)
    work = checkpoints_folder(job.out)
    rounds: list[dict[str, Any]] = []
    mark = time.perf_counter()
    for number in range(1, job.rounds + 1):
        if number > 1:
            lists = _mined_again(job, split, given.qrels, model, opened, progress)
        trained, dev, before_now = _divided(lists, old, loss, opened, job)
        place = work if job.rounds == 1 else work / f"round-{number}"
        done = train(model, loss, trained, dev, job.options, place, progress, before_now)
        rounds.append({"lists": len(lists), "losses": done["losses"]})
    if job.write_lists is not None:
        write_lists(lists, job.write_lists)
    seconds["train"] = round(time.perf_counter() - mark, 3)
    after = sides.after(model)
    verdict = {
        "new": compare_sides(before.own, after.own, split.new, split.components),
        "seen": compare_sides(before.own, after.own, split.seen),
        "kept": sides.kept(before, after),
    }
    ended = Ended(
        command="encoder",
        base=spec,
        revision=folder.revision(),
        trained=f"{counted(len(lists), 'list')} of {counted(len(split.train), 'query', 'queries')}"
        + (f", {counted(len(old), 'older one')}" if job.replay else ""),
        settings={
            "teacher": job.teacher,
            "replay": job.replay,
            "lists": len(lists),
            "queries": len(split.train),
            "replayed": len(old) if job.replay else 0,
            "rounds": rounds,
            "passages": {"judged": len(pool.texts), "whole": pool.whole},
        },
        done=done,
        verdict=verdict,
        worse=worse(verdict, before.own, after.own),
        files=[job.queries, job.qrels, job.lists, job.replay_from],
    )
    return conclude(model, job.out, job, ended, seconds, began, progress)


def _mined_again(
    job: EncoderJob,
    split: QuerySplit,
    qrels: Qrels,
    model: Any,
    opened: Model,
    progress: Progress,
) -> list[TrainingList]:
    """Lists of the trained queries, mined by the weights as they are now."""
    with Session(job.root) as session:
        again = with_new_vectors(session, opened, lambda texts: encode(model, texts), progress)
        options = MiningOptions(seed=job.options.seed)
        return mine_judged(again, split.train, qrels, options, progress).lists


def _old_lists(
    job: EncoderJob, lists: Sequence[TrainingList], split: QuerySplit, qrels: Qrels
) -> list[TrainingList]:
    """Lists of earlier trainings, as many as are replayed or, for an anchor alone, as there are new ones."""
    if job.replay_from is None:
        return []
    seed = job.options.seed
    return replayed(lists, job.replay_from, job.replay or 0.5, split, qrels, seed)


def _divided(
    lists: Sequence[TrainingList],
    old: Sequence[TrainingList],
    loss: LossSpec,
    model: Model,
    job: EncoderJob,
) -> tuple[list[Row], list[Row], list[Row]]:
    """Rows to train on, rows that tell when to stop, of other queries, and rows that an anchor reads."""
    teacher = None if job.teacher is None else open_reranker(job.teacher, model)
    chosen = dev_queries([t.query_id for t in lists], job.options.seed)
    now = [t for t in lists if t.query_id not in chosen] + [*(old if job.replay else ())]
    dev = [t for t in lists if t.query_id in chosen and (loss.in_batch or t.negatives)]
    parts = [now, dev, [*old]]
    if job.options.anchor_by != "ewc" or not job.options.anchor:
        parts[2] = []
    rows = [
        make_rows(p, loss.form, model.profile, teacher, in_batch=loss.in_batch)
        if p or p is now
        else []
        for p in parts
    ]
    return rows[0], rows[1], rows[2]
