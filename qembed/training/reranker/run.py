"""`qembed train reranker`: from judgments or preferences to a reranker, written if it is not worse."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.pipeline.experiments.inputs import index_beir, read_inputs
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.training.judging import compare_sides, fell
from qembed.training.libraries import require_trainer
from qembed.training.model_folders import check_new
from qembed.training.reranker.candidates import (
    ALIKE,
    PREFERRED,
    CandidateSet,
    Reranked,
    first_kept,
    index_candidates,
    preferred_candidates,
    rerank,
    search_alone,
)
from qembed.training.reranker.examples import (
    GradedTexts,
    graded_texts,
    make_rows,
    read_preferences,
)
from qembed.training.reranker.losses import check_loss
from qembed.training.reranker.old_examples import replayed_examples
from qembed.training.reranker.reranker_folder import load_trainable_reranker
from qembed.training.reranker.trainer import train_reranker_model
from qembed.training.rows import Row
from qembed.training.split import QuerySplit, dev_queries, split_queries
from qembed.training.trained_folder import Ended, checkpoints_folder, conclude
from qembed.training.training_lists import apart, check_replay, training_lists
from qembed.training.training_loop import TrainingOptions
from qembed.types import Qrels, Query

DEFAULT = "minilm-l12"


@dataclass(frozen=True, slots=True)
class RerankerJob:
    """Files and choices of a training.

    `root`: the index, None where preferences alone are trained and judged on. `lists` None: mined.
    `replay`: share of the examples that come from `replay_from`, lists or preferences of an earlier training.
    `candidates`: documents of a query that are reranked to judge. `keep`: a BEIR folder with what must not
    be forgotten. `anyway`: write the model also if it is worse.
    """

    root: Path | None
    out: Path
    queries: Path | None
    qrels: Path | None
    model: str = DEFAULT
    lists: Path | None = None
    preferences: Path | None = None
    replay: float = 0.0
    replay_from: Path | None = None
    candidates: int = 20
    held_out: float = 0.2
    keep: Path | None = None
    anyway: bool = False
    options: TrainingOptions = field(default_factory=lambda: TrainingOptions(loss="lambda"))

    def check(self) -> None:
        """Raise UsageError for choices that do not go together."""
        self.options.check()
        check_loss(self.options.loss)
        check_new(self.out)
        check_replay(self.replay, self.replay_from)
        if self.candidates < 2:
            raise UsageError(f"--candidates {self.candidates}: at least 2")
        if self.preferences is not None and self.lists is not None:
            raise UsageError("--preferences or --lists: one of them says what is trained on")
        if self.keep is not None and self.root is None:
            raise UsageError("--keep wants an index, whose model finds the candidates there")


@dataclass(frozen=True, slots=True)
class _Material:
    """Examples to train on, candidates to judge on.

    `old`: examples of an earlier training. `kept`: of the collection not to be forgotten.
    """

    split: QuerySplit
    examples: list[GradedTexts]
    old: list[GradedTexts]
    held_out: CandidateSet
    kept: CandidateSet | None

    def trained(self) -> str:
        """Number of texts and queries that are trained on, in words."""
        texts = sum(len(e.texts) for e in self.examples)
        more = sum(len(e.texts) for e in self.old)
        return f"{texts} texts of {len({e.query for e in self.examples})} queries" + (
            f", {more} of {len({e.query for e in self.old})} older ones" if self.old else ""
        )


def train_reranker(
    job: RerankerJob,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train, judge and write a reranker; returns the command's JSON.

    Raises UsageError, InputError, ModelUnavailable, StorageError, TrainingFailed, KeyboardInterrupt.
    """
    progress = progress or Progress()
    began = time.perf_counter()
    require_trainer()
    job.check()
    model, folder = load_trainable_reranker(job.model)
    given = _material(job, progress, warn)
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
        settings={"candidates": job.candidates, "replayed": len(given.old)},
        done=done,
        verdict=verdict,
        worse=worse(verdict, after[0]),
        files=[job.queries, job.qrels, job.lists, job.preferences, job.replay_from],
    )
    return conclude(model, job.out, job, ended, seconds, began, progress)


def _material(job: RerankerJob, progress: Progress, warn: Callable[[str], None]) -> _Material:
    """Examples and candidates by the files that were given. Raises UsageError, InputError."""
    preferences = None if job.preferences is None else read_preferences(job.preferences)
    seed = job.options.seed
    if preferences is not None and job.queries is None and job.qrels is None:
        queries, qrels = _preferred(preferences)
        split = split_queries(queries, qrels, job.held_out, seed)
        trained = {q.id for q in split.train}
        examples = [e for e in preferences if e.query_id in trained]
        held_out = preferred_candidates(preferences, [*split.new, *split.seen])
        old = _old(job, examples, split, qrels)
        if job.root is None:
            return _Material(split, examples, old, held_out, None)
        with Session(job.root) as session:
            return _Material(split, examples, old, held_out, _kept(session, job, progress))
    assert job.root is not None
    given = read_inputs(job.queries, job.qrels, None, "train", needs_words=True, warn=warn)
    split = split_queries(given.queries, given.qrels, job.held_out, seed)
    with Session(job.root) as session:
        if preferences is None:
            lists = training_lists(session, job.lists, split, given.qrels, seed, progress)
            examples = graded_texts(lists, given.qrels)
        else:
            examples = _unrelated(preferences, split, given.qrels)
        old = _old(job, examples, split, given.qrels)
        held_out = index_candidates(session, [*split.new, *split.seen], given.qrels, job.candidates)
        return _Material(split, examples, old, held_out, _kept(session, job, progress))


def _old(
    job: RerankerJob, examples: Sequence[GradedTexts], split: QuerySplit, qrels: Qrels
) -> list[GradedTexts]:
    """Examples of an earlier training, as many as are replayed."""
    if job.replay_from is None:
        return []
    seed = job.options.seed
    return replayed_examples(examples, job.replay_from, job.replay, split, qrels, seed)


def _preferred(preferences: Sequence[GradedTexts]) -> tuple[list[Query], Qrels]:
    """The queries of preferences, and the chosen texts' documents as their relevant ones."""
    qrels: Qrels = {}
    queries: dict[str, Query] = {}
    for e in preferences:
        queries.setdefault(e.query_id, Query(e.query_id, e.query))
        qrels.setdefault(e.query_id, {}).setdefault(e.documents[0], 1)
    return list(queries.values()), qrels


def _unrelated(
    preferences: Sequence[GradedTexts], split: QuerySplit, qrels: Qrels
) -> list[GradedTexts]:
    """Preferences that have nothing to do with held-out queries. Raises InputError without any."""
    kept = apart(
        [e.query for e in preferences], [e.documents[:1] for e in preferences], split, qrels
    )
    if not kept:
        raise InputError("all preferences are of queries that are held out")
    return [preferences[i] for i in kept]


def _kept(session: Session, job: RerankerJob, progress: Progress) -> CandidateSet | None:
    """Candidates of the collection to keep: its index is made in the cache folder by the index's model."""
    if job.keep is None:
        return None
    given = read_inputs(None, None, job.keep, "test", needs_words=True, warn=lambda _: None)
    assert given.corpus is not None
    spec = session.loaded.given_spec or session.snapshot.manifest.spec
    root, _ = index_beir(given.corpus, IndexOptions(recipe=RecipeOptions(model=spec)), progress)
    queries = [q for q in given.queries if given.qrels.get(q.id)]
    with Session(root) as other:
        return index_candidates(other, queries, given.qrels, job.candidates)


def _divided(given: _Material, options: TrainingOptions) -> tuple[list[Row], list[Row]]:
    """Rows to train on, and rows that tell when to stop, of new examples alone; of different queries."""
    chosen = dev_queries([e.query_id for e in given.examples], options.seed)
    now = [e for e in given.examples if e.query_id not in chosen]
    rows = make_rows([*now, *given.old], options.loss)
    dev = [e for e in given.examples if e.query_id in chosen and len(set(e.grades)) > 1]
    return rows, make_rows(dev, options.loss) if dev else []


def _measure(
    model: Any, given: _Material, phase: str, progress: Progress
) -> tuple[Reranked, Reranked | None]:
    sets = [s for s in (given.held_out, given.kept) if s is not None]
    progress.phase(phase, "pairs", sum(len(s.pairs()) for s in sets))
    kept = None if given.kept is None else rerank(model, given.kept, progress)
    return rerank(model, given.held_out, progress), kept


def _verdict(
    given: _Material,
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
