"""Material of a reranker's training: examples of files or of the index's log, and what it is judged on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.errors import InputError, NothingLearned
from qembed.evaluation.formats.source_file import counted
from qembed.feedback.preferences import PreferenceOptions
from qembed.pipeline.experiments.inputs import index_beir, read_inputs
from qembed.pipeline.feedback.log_pairs import DividedPairs, divide_pairs
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.session import Session
from qembed.training.reranker.candidates import (
    CandidateSet,
    index_candidates,
    preferred_candidates,
)
from qembed.training.reranker.examples import (
    GradedTexts,
    graded_texts,
    parse_preference,
    read_preferences,
)
from qembed.training.reranker.job import RerankerJob
from qembed.training.reranker.losses import WEIGHED
from qembed.training.reranker.old_examples import replayed_examples
from qembed.training.split import FEWEST, QuerySplit, split_queries
from qembed.training.training_lists import apart, training_lists
from qembed.types import Qrels, Query


@dataclass(frozen=True, slots=True)
class Material:
    """Examples to train on, candidates to judge on.

    `old`: examples of an earlier training. `kept`: of the collection not to be forgotten. `of_log`: counts
    of the pairs of the index's log, None where they are of no log.
    """

    split: QuerySplit
    examples: list[GradedTexts]
    old: list[GradedTexts]
    held_out: CandidateSet
    kept: CandidateSet | None
    of_log: dict[str, Any] | None = None

    def trained(self) -> str:
        """Number of texts and queries that are trained on, in words."""
        texts = sum(len(e.texts) for e in self.examples)
        more = sum(len(e.texts) for e in self.old)
        queries = counted(len({e.query for e in self.examples}), "query", "queries")
        return f"{counted(texts, 'text')} of {queries}" + (
            f", {more} of {len({e.query for e in self.old})} older ones" if self.old else ""
        )


def make_material(job: RerankerJob, progress: Progress, warn: Callable[[str], None]) -> Material:
    """Examples and candidates by the files that were given. Raises UsageError, InputError,
    NothingLearned.
    """
    preferences = None if job.preferences is None else read_preferences(job.preferences)
    seed = job.options.seed
    log = None
    if job.feedback:
        log = _of_log(job)
        preferences = [parse_preference(line) for line in log.whole.lines]
    of_log = None if log is None else log.whole.to_json()
    if job.options.loss not in WEIGHED and len({e.weight for e in preferences or ()}) > 1:
        weigh = " and ".join(WEIGHED)
        warn(f"--loss {job.options.loss} takes all pairs alike: {weigh} weigh them")
    if preferences is not None and job.queries is None and job.qrels is None:
        earlier = later = preferences
        judging = None
        if log is not None and of_log is not None:
            parts = log.earlier, log.later
            earlier, later = ([parse_preference(line) for line in p] for p in parts)
            of_log |= {"later": len(later), "since": log.since}
            judging = {e.query_id for e in later}
        queries, qrels = _preferred([*earlier, *later])
        split = split_queries(queries, qrels, job.held_out, seed, judging)
        trained = {q.id for q in split.train}
        examples = [e for e in earlier if e.query_id in trained]
        held_out = preferred_candidates(later, [*split.new, *split.seen])
        old = _old(job, examples, split, qrels)
        if job.root is None:
            return Material(split, examples, old, held_out, None, of_log)
        with Session(job.root) as session:
            return Material(split, examples, old, held_out, _kept(session, job, progress), of_log)
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
        return Material(split, examples, old, held_out, _kept(session, job, progress), of_log)


def _old(
    job: RerankerJob, examples: Sequence[GradedTexts], split: QuerySplit, qrels: Qrels
) -> list[GradedTexts]:
    """Examples of an earlier training, as many as are replayed."""
    if job.replay_from is None:
        return []
    seed = job.options.seed
    return replayed_examples(examples, job.replay_from, job.replay, split, qrels, seed)


def _of_log(job: RerankerJob) -> DividedPairs:
    """Preferences of the index's log, as `feedback pairs` makes them. Raises NothingLearned."""
    assert job.root is not None
    options = PreferenceOptions(seed=job.options.seed)
    found = divide_pairs(job.root, options, job.held_out, 2 * FEWEST)
    if not found.whole.lines:
        why = found.whole.to_json()["why"]
        raise NothingLearned(f"the log of {job.root} has no pairs: {why}")
    return found


def _preferred(preferences: Sequence[GradedTexts]) -> tuple[list[Query], Qrels]:
    """The queries of preferences, and the documents of chosen answers as their relevant ones.

    A query without such an answer is connected with others by its words alone.
    """
    qrels: Qrels = {}
    queries: dict[str, Query] = {}
    for e in preferences:
        queries.setdefault(e.query_id, Query(e.query_id, e.query))
        if e.answers:
            qrels.setdefault(e.query_id, {}).setdefault(e.documents[0], 1)
    for query_id in queries:
        qrels.setdefault(query_id, {f"answer of {query_id}": 1})
    return list(queries.values()), qrels


def _unrelated(
    preferences: Sequence[GradedTexts], split: QuerySplit, qrels: Qrels
) -> list[GradedTexts]:
    """Preferences that have nothing to do with held-out queries. Raises InputError without any."""
    kept = apart(
        [e.query for e in preferences],
        [e.documents[:1] if e.answers else () for e in preferences],
        split,
        qrels,
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
