"""`qembed train adapt`: from an index without judgments to a model of its corpus, if that is not worse."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.source_file import counted
from qembed.models import Model, open_model
from qembed.models.remote.chat import RemoteChat
from qembed.models.rerankers.spec import open_reranker
from qembed.pipeline.experiments.inputs import read_inputs
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.asked_queries import AskedQueries
from qembed.training.adapting.corpus_queries import corpus_queries
from qembed.training.adapting.judged import (
    JudgedQueries,
    hide_queries,
    judged_by_people,
    judged_by_proxy,
    left_to_train,
)
from qembed.training.adapting.made_queries import (
    MadeQuery,
    read_made_queries,
    write_made_queries,
)
from qembed.training.adapting.round_trip import keep_found
from qembed.training.adapting.training_rows import draw_rows, objective_rows, read_passages
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.examples import make_rows
from qembed.training.encoder.losses import OBJECTIVES, LossSpec, check_teacher, loss_named
from qembed.training.encoder.objectives import check_dropout
from qembed.training.encoder.trainer import train
from qembed.training.encoder.verdict import Judge, worse
from qembed.training.judging import compare_sides, make_pool
from qembed.training.libraries import require_trainer
from qembed.training.mining.mine import MiningOptions, mine_pairs
from qembed.training.model_folders import check_new
from qembed.training.rows import Row
from qembed.training.split import dev_queries
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_lists import check_replay, replayed
from qembed.training.training_loop import TrainingOptions
from qembed.types import Query

CORPUS = "corpus"
"""Value of `--generate` for queries that no language model makes."""
FEWEST_KEPT = 0.5
"""Least share of neighbours among general sentences that a model keeps where nobody has judged it."""


@dataclass(frozen=True, slots=True)
class AdaptJob:
    """Files and choices of an adaptation.

    `out` None: queries are made and written, nothing is trained. `objective`: of OBJECTIVES, None where made
    queries are trained on: those that `generate` makes (CORPUS, or the address of a language model) or of the
    file `made`, as they are; `replay`, `replay_from`: lists of earlier trainings beside them. `best`: ranks
    of the round trip. `most`: passages, or queries made, at most.
    `queries`, `qrels`: what is judged by, if there is any. `model`, `teacher`, `keep`, `anyway`: see
    EncoderJob.
    """

    root: Path
    out: Path | None
    objective: str | None = None
    generate: str | None = None
    made: Path | None = None
    write_made: Path | None = None
    best: int = 10
    most: int = 2_000
    queries: Path | None = None
    qrels: Path | None = None
    model: str | None = None
    teacher: str | None = None
    replay: float = 0.0
    replay_from: Path | None = None
    held_out: float = 0.3
    keep: Path | None = None
    anyway: bool = False
    options: TrainingOptions = field(default_factory=TrainingOptions)

    def check(self) -> LossSpec:
        """The loss that is trained. Raises UsageError for choices that exclude one another."""
        self.options.check()
        if self.best < 1:
            raise UsageError(f"--round-trip {self.best}: at least 1")
        if self.most < 1:
            raise UsageError(f"--most {self.most}: at least 1")
        if self.generate is not None and self.made is not None:
            raise UsageError("--made brings the queries: without --generate")
        made = self.generate is not None or self.made is not None
        if self.out is None and (self.write_made is None or self.generate is None):
            raise UsageError("--out PATH is wanted (or --generate and --write-made FILE alone)")
        if self.write_made is not None and self.generate is None:
            raise UsageError("--write-made FILE wants --generate")
        if (self.queries is None) != (self.qrels is None):
            raise UsageError("--queries and --qrels want one another")
        if made == (self.objective is not None):
            raise UsageError(
                "--objective trains on bare text, --generate and --made on made queries: one of them"
                if made
                else "--objective tsdae, simcse or mlm is wanted, or --generate"
            )
        check_replay(self.replay, self.replay_from)
        if self.objective is not None:
            if self.replay:
                raise UsageError("--replay: bare text has no lists beside it (with --generate)")
            if self.teacher is not None:
                raise UsageError("--teacher: bare text has no scores to learn (with --generate)")
            if self.options.temperature is not None:
                raise UsageError("--temperature: bare text has no teacher's scores")
            if self.options.lora:
                raise UsageError("--lora: bare text changes all weights (with --generate)")
            return OBJECTIVES[self.objective]
        loss = loss_named(self.options.loss)
        check_teacher(loss, self.teacher, self.options.temperature)
        return loss


def adapt_encoder(
    job: AdaptJob,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Adapt, judge and write a model; returns the command's JSON. `verdict` is None if only queries are made.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    loss = job.check()
    seed = job.options.seed
    if job.out is not None:
        require_trainer()
        check_new(job.out)
    given = None
    if job.queries is not None:
        given = read_inputs(job.queries, job.qrels, None, "test", needs_words=True, warn=warn)
    seconds: dict[str, float] = {}
    with Session(job.root) as session:
        made, counts = _made(session, job, progress, warn)
        if job.out is None:
            seconds["total"] = round(time.perf_counter() - began, 3)
            return {
                "schema": 1, "out": None, "made": str(job.write_made), "written": True, "worse": None,
                "settings": counts, "verdict": None, "seconds": seconds,
            }  # fmt: skip
        spec = job.model or session.loaded.given_spec or session.snapshot.manifest.spec
        model, folder = load_trainable(spec)
        opened = open_model(spec)
        profile = opened.profile
        if given is not None:
            judged = judged_by_people(given.queries, given.qrels, job.held_out, seed)
        else:
            shown = made or keep_found(
                session, corpus_queries(session, job.most, seed), job.best, progress
            )
            if not shown:
                raise InputError(
                    "no query can be made of the corpus to judge by: --queries and --qrels are wanted"
                )
            judged = judged_by_proxy(shown, job.held_out, seed, trained=bool(made))
        rows, dev, trained = _rows(session, job, loss, judged, made, opened, progress)
        pool = make_pool(session, [d for q in judged.all for d in judged.qrels[q.id]], opened)
    if judged.proxy:
        pool = hide_queries(pool, judged)
    if loss.name == "simcse":
        check_dropout(model, rows[0].texts[0])
    sides = Judge(pool, judged.all, judged.qrels, profile, job.keep, progress)
    before = sides.before(model)
    work = checkpoints_folder(job.out)
    mark = time.perf_counter()
    done = train(model, loss, rows, dev, job.options, work, progress)
    seconds["train"] = round(time.perf_counter() - mark, 3)
    after = sides.after(model)
    kept = sides.kept(before, after)
    verdict = {
        "new": compare_sides(before.own, after.own, judged.new, judged.components),
        "seen": compare_sides(before.own, after.own, judged.seen),
        "kept": kept,
        "proxy": judged.proxy,
    }
    reason = worse(verdict, before.own, after.own)
    overlap = kept.get("neighbours", 1.0)
    if reason is None and judged.proxy and overlap < FEWEST_KEPT:
        reason = (
            f"of general sentences only {overlap:.0%} of the neighbours are kept, and no "
            "judgments say that it is worth that"
        )
    ended = Ended(
        command="adapt",
        base=spec,
        revision=folder.revision(),
        trained=trained,
        settings={
            "objective": job.objective,
            "teacher": job.teacher,
            "replay": job.replay,
            **counts,
            "passages": {"judged": len(pool.texts), "whole": pool.whole},
            "loss": loss.name,
        },
        done=done,
        verdict=verdict,
        worse=reason,
        files=[job.queries, job.qrels, job.made, job.write_made, job.replay_from],
    )
    return conclude(model, job.out, job, ended, seconds, began, progress)


def _made(
    session: Session, job: AdaptJob, progress: Progress, warn: Callable[[str], None]
) -> tuple[list[MadeQuery], dict[str, Any]]:
    """Made queries to train on and their counts; none where bare text is trained on."""
    if job.made is not None:
        given = read_made_queries(job.made)
        names = set(session.snapshot.catalog.ids())
        unknown = [q.document for q in given if q.document not in names]
        if unknown:
            raise InputError(
                f"{job.made}: {counted(len(unknown), 'document is', 'documents are')} not in the index "
                f"({', '.join(unknown[:3])})"
            )
        return given, {"made": len(given)}
    if job.generate is None:
        return [], {}
    asked: AskedQueries | None = None
    try:
        if job.generate == CORPUS:
            made = corpus_queries(session, job.most, job.options.seed)
        else:
            asked = AskedQueries(RemoteChat(job.generate))
            rows = draw_rows(session, job.most, job.options.seed)
            asked.ask(read_passages(session, rows), progress)
            made = asked.made
            if asked.failed:
                warn(
                    f"{counted(asked.failed, 'passage')} for which the language model gave no query"
                )
        kept = keep_found(session, made, job.best, progress)
    except BaseException:
        if asked is not None and asked.made and job.write_made is not None:
            write_made_queries(asked.made, job.write_made)
            warn(
                f"{job.write_made} holds what was made so far, number of queries: {len(asked.made):,}"
            )
        raise
    if not kept:
        raise InputError("no query could be made that finds its passage")
    if job.write_made is not None:
        write_made_queries(kept, job.write_made)
    return kept, {"made": len(made), "found": len(kept), "round_trip": job.best}


def _rows(
    session: Session,
    job: AdaptJob,
    loss: LossSpec,
    judged: JudgedQueries,
    made: Sequence[MadeQuery],
    model: Model,
    progress: Progress,
) -> tuple[list[Row], list[Row], str]:
    """Rows to train on, rows that tell when to stop, and a line that says what they are."""
    seed = job.options.seed
    if job.objective is not None:
        drawn = draw_rows(session, job.most, seed, judged.hidden)
        texts = [text for _, _, text in read_passages(session, drawn)]
        rows = objective_rows(job.objective, texts, model.profile, job.options.epochs, seed)
        count = len(rows) // job.options.epochs if loss.fresh else len(rows)
        return rows, [], f"{job.objective} on {counted(count, 'passage')}"
    left = left_to_train(made, judged)
    if not left:
        raise InputError("no made query is left to train on")
    pairs = [(Query(q.id, q.text), q.positive, q.document) for q in left]
    lists = mine_pairs(session, pairs, MiningOptions(seed=seed), progress).lists
    old = []
    if job.replay_from is not None:
        old = replayed(lists, job.replay_from, job.replay, judged, judged.qrels, seed)
    teacher = None if job.teacher is None else open_reranker(job.teacher, model)
    chosen = dev_queries([t.query_id for t in lists], seed)
    now = [t for t in lists if t.query_id not in chosen] + old
    told = [t for t in lists if t.query_id in chosen and (loss.in_batch or t.negatives)]
    rows, dev = (
        make_rows(p, loss.form, model.profile, teacher, in_batch=loss.in_batch) if p else []
        for p in (now, told)
    )
    more = f", {counted(len(old), 'older list')}" if old else ""
    return rows, dev, f"{counted(len(lists), 'made query', 'made queries')}{more}"
