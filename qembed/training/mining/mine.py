"""Mining of training lists from judgments, or from pairs of texts, and an index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from qembed.errors import InputError, UsageError
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.mining.candidates import Candidate, CandidateFinder
from qembed.training.mining.false_negatives import FalseNegatives, Positives
from qembed.training.mining.lists import Negative, Source, TrainingList
from qembed.types import Qrels, Query, Run

if TYPE_CHECKING:
    import numpy as np

    from qembed.types import Vectors

SOURCES: tuple[Source, ...] = ("bm25", "dense", "random", "run")
Pick = Literal["hardest", "random"]
RANDOM_TRIES = 4
"""Random passages that are drawn for each one that is wanted: the rules take some away."""
SCORED = 3
"""Candidates that a cross-encoder scores for each negative that is wanted."""


def parse_sources(text: str) -> tuple[Source, ...]:
    """Parse the value of `--negatives`: `bm25,dense`. Raises UsageError."""
    names = [name.strip() for name in text.split(",")]
    found = tuple(s for name in dict.fromkeys(names) for s in SOURCES if s == name)
    if len(found) < len(set(names)):
        raise UsageError(f"--negatives {text}: some of {', '.join(SOURCES)} are wanted")
    return found


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """Options of mining.

    `sources`: searches that candidates come from, in this order at each rank. `per_query`: negatives of each
    list. `window`: first and last rank that is looked at, 1-based. `margin`: see FalseNegatives, None for no
    rule of cosines. `pick`: the highest ranks of the window, or a draw from it. `rerank`: a cross-encoder;
    candidates above `most` are left out. `run`: of another system, for the source "run".
    """

    sources: tuple[Source, ...] = ("bm25", "dense")
    per_query: int = 4
    window: tuple[int, int] = (1, 100)
    margin: float | None = 0.05
    pick: Pick = "hardest"
    seed: int = 0
    rerank: str | None = None
    most: float = 0.5
    run: Run | None = None

    def check(self) -> None:
        """Raise UsageError for options that make no list."""
        if self.per_query < 1:
            raise UsageError(f"--per-query {self.per_query}: at least 1")
        low, high = self.window
        if not 1 <= low <= high:
            raise UsageError(f"--window {low}-{high}: ranks such as 1-100 are wanted")
        if self.margin is not None and not 0 <= self.margin < 1:
            raise UsageError(f"--margin {self.margin:g}: at least 0 and below 1")
        if not 0 < self.most <= 1:
            raise UsageError(f"--max-probability {self.most:g}: above 0, at most 1")
        if ("run" in self.sources) != (self.run is not None):
            raise UsageError("--negatives run and --run FILE want one another")


@dataclass(frozen=True, slots=True)
class Mined:
    """Result of mining.

    `removed`: candidates that each rule took away. `filled`: random negatives in the place of others.
    `missing`: relevant documents that the index does not have; `left_out`: queries without any other.
    """

    lists: list[TrainingList]
    removed: dict[str, int]
    filled: int
    missing: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """JSON object of the counts."""
        return {
            "lists": len(self.lists),
            "queries": len({item.query_id for item in self.lists}),
            "negatives": sum(len(item.negatives) for item in self.lists),
            "removed": self.removed,
            "filled": self.filled,
            "missing": len(self.missing),
            "left_out": len(self.left_out),
        }


@dataclass(slots=True)
class _Wanted:
    """Query with its relevant passages: (document or None, text, cosine)."""

    query: Query
    vector: Vectors
    relevant: Sequence[tuple[str | None, str, float]]
    documents: frozenset[str]
    kept: list[Candidate] = field(default_factory=list)

    def positives(self) -> Positives:
        """The relevant passages, for the rules."""
        return Positives(
            self.documents,
            [text for _, text, _ in self.relevant],
            [score for _, _, score in self.relevant],
        )


def mine_judged(
    session: Session,
    queries: Sequence[Query],
    qrels: Qrels,
    options: MiningOptions,
    progress: Progress | None = None,
) -> Mined:
    """Lists of judged queries, one for each relevant document; its passage is the query's nearest.

    Raises UsageError, InputError if no query has a relevant document in the index.
    """
    options.check()
    finder = CandidateFinder(session, options.window[1], options.run)
    missing: dict[str, None] = {}
    left_out, judged = [], []
    for query in queries:
        relevant = [d for d, grade in qrels.get(query.id, {}).items() if grade > 0]
        here = [d for d in relevant if finder.has(d)]
        missing.update(dict.fromkeys(d for d in relevant if not finder.has(d)))
        if here:
            judged.append((query, here, frozenset(relevant)))
        elif relevant:
            left_out.append(query.id)
    if not judged:
        raise InputError(
            "no query has a relevant document in the index",
            [f"judged, but not in the index: {', '.join(list(missing)[:5])}"] if missing else [],
        )
    vectors = finder.vectors([query for query, _, _ in judged])
    wanted = []
    for (query, here, documents), vector in zip(judged, vectors, strict=True):
        best = [finder.best_passage(d, vector) for d in here]
        found = [(c.document, c.text, c.score) for c in best]
        wanted.append(_Wanted(query, vector, list(found), documents))
    lists, rules, filled = _negatives(session, finder, wanted, options, progress or Progress())
    return Mined(lists, dict(rules.removed), filled, list(missing), left_out)


def mine_pairs(
    session: Session,
    pairs: Sequence[tuple[Query, str, str | None]],
    options: MiningOptions,
    progress: Progress | None = None,
) -> Mined:
    """Lists of pairs of a query and a relevant text: (query, text, its document), None if there is none.

    The text need not be in the index. Raises UsageError, InputError.
    """
    options.check()
    finder = CandidateFinder(session, options.window[1], options.run)
    if not pairs:
        raise InputError("there are no pairs")
    vectors = finder.vectors([query for query, _, _ in pairs])
    loaded = session.loaded
    encoded = loaded.passage_encoder.encode([loaded.encoder_text("", text) for _, text, _ in pairs])
    merged: dict[str, _Wanted] = {}
    for (query, text, document), vector, positive in zip(pairs, vectors, encoded, strict=True):
        entry = merged.setdefault(query.text, _Wanted(query, vector, (), frozenset()))
        if (document, text) not in [(d, t) for d, t, _ in entry.relevant]:
            entry.relevant = (*entry.relevant, (document, text, float(positive @ vector)))
        if document is not None:
            entry.documents |= {document}
    lists, rules, filled = _negatives(
        session, finder, list(merged.values()), options, progress or Progress()
    )
    return Mined(lists, dict(rules.removed), filled)


def _negatives(
    session: Session,
    finder: CandidateFinder,
    wanted: Sequence[_Wanted],
    options: MiningOptions,
    progress: Progress,
) -> tuple[list[TrainingList], FalseNegatives, int]:
    import numpy as np

    rng = np.random.default_rng(options.seed)
    rules = FalseNegatives(options.margin, options.most if options.rerank else None)
    progress.phase("mine", "queries", len(wanted))
    for w in wanted:
        if progress.stop():
            raise KeyboardInterrupt
        w.kept = _candidates(finder, w, options, rules, rng)
        progress.advance(1)
    if options.rerank:
        _keep_improbable(session, wanted, options, rules, progress)
    filled, lists = 0, []
    for w in wanted:
        chosen = w.kept[: options.per_query]
        extra = _random(finder, w, options.per_query - len(chosen), rules, rng, chosen)
        if (
            not chosen and not extra
        ):  # a relevant passage that the model finds no nearer than others
            extra = _random(finder, w, options.per_query, rules, rng, (), any_cosine=True)
        filled += len(extra) if options.sources != ("random",) else 0
        negatives = tuple(
            Negative(c.document, c.text, c.score, c.rank, c.source) for c in (*chosen, *extra)
        )
        lists += [
            TrainingList(w.query.id, w.query.text, document, text, score, negatives)
            for document, text, score in w.relevant
        ]
    return lists, rules, filled


def _candidates(
    finder: CandidateFinder,
    w: _Wanted,
    options: MiningOptions,
    rules: FalseNegatives,
    rng: np.random.Generator,
) -> list[Candidate]:
    """Candidates of a query that pass the rules, in the order in which they are taken."""
    low, high = options.window
    found = [finder.find(w.query, w.vector, s) for s in options.sources if s != "random"]
    ranked = [c for at in range(high) for one in found for c in one[at : at + 1]]
    positives = w.positives()
    seen: set[str] = set()
    kept = []
    for c in ranked:
        if c.document in seen or c.rank is None or not low <= c.rank <= high:
            continue
        seen.add(c.document)
        if rules.keeps(positives, c.document, c.text, c.score):
            kept.append(c)
    if "random" in options.sources and found:
        # a source as the others: a place in each round of them
        share = options.per_query // (len(found) + 1)
        kept = [*kept[: options.per_query - share], *_random(finder, w, share, rules, rng, kept)]
    if options.pick == "random":
        kept = [kept[i] for i in rng.permutation(len(kept)).tolist()]
    return kept


def _random(
    finder: CandidateFinder,
    w: _Wanted,
    n: int,
    rules: FalseNegatives,
    rng: np.random.Generator,
    have: Sequence[Candidate],
    *,
    any_cosine: bool = False,
) -> list[Candidate]:
    """At most n random passages that pass the rules and are not among those there are.

    `any_cosine`: without the rule of the margin.
    """
    if n < 1:
        return []
    taken = {c.document for c in have}
    positives, allowed = w.positives(), {None, "margin" if any_cosine else None}
    drawn = finder.random(w.vector, RANDOM_TRIES * n + len(taken), rng)
    good = [
        c
        for c in drawn
        if c.document not in taken and rules.rule(positives, c.document, c.text, c.score) in allowed
    ]
    return good[:n]


def _keep_improbable(
    session: Session,
    wanted: Sequence[_Wanted],
    options: MiningOptions,
    rules: FalseNegatives,
    progress: Progress,
) -> None:
    """Leave out candidates that the cross-encoder takes for relevant. Raises UsageError."""
    assert options.rerank is not None
    scorer = session.loaded.reranker(options.rerank)
    if not scorer.calibrated:
        raise UsageError(
            f"--rerank {options.rerank}: its scores are no probabilities (take a cross-encoder)"
        )
    for w in wanted:
        w.kept = w.kept[: SCORED * options.per_query]
    pairs = [(w.query.text, c.text) for w in wanted for c in w.kept]
    progress.phase("rerank", "pairs", len(pairs))
    scores = iter(scorer.score(pairs, progress.advance).tolist())
    for w in wanted:
        w.kept = [c for c in w.kept if rules.keeps_probability(next(scores))]
