"""Queries that the verdict on an adapted model is about: judged ones, or made ones as a proxy.

Documents of the queries that are called new are kept out of the training: no text of them is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from qembed.evaluation.tuning import near_duplicates, word_set
from qembed.training.adapting.made_queries import MadeQuery, without_words
from qembed.training.judging import Pool
from qembed.training.split import QuerySplit, split_queries
from qembed.types import Qrels, Query

MOST_SEEN = 300
"""Made queries of trained documents that are measured, at most."""


@dataclass(frozen=True, slots=True)
class JudgedQueries:
    """Queries of a verdict. `components`: of `new`, see QuerySplit. `proxy`: they are made ones."""

    new: list[Query]
    seen: list[Query]
    components: list[list[int]]
    qrels: Qrels
    proxy: bool

    @property
    def all(self) -> list[Query]:
        """New and seen ones."""
        return [*self.new, *self.seen]

    @property
    def hidden(self) -> frozenset[str]:
        """Documents that are relevant for a new query."""
        return frozenset(d for q in self.new for d, grade in self.qrels[q.id].items() if grade > 0)


def judged_by_people(
    queries: Sequence[Query], qrels: Qrels, share: float, seed: int
) -> JudgedQueries:
    """About `share` of the judged queries as new ones, all others as seen. Raises InputError, UsageError."""
    split = split_queries(queries, qrels, share, seed)
    return JudgedQueries(split.new, [*split.train, *split.seen], split.components, qrels, False)


def judged_by_proxy(
    made: Sequence[MadeQuery], share: float, seed: int, *, trained: bool
) -> JudgedQueries:
    """One made query of each document; about `share` of them are new, others of the rest seen.

    `trained`: made queries are trained on, so that one is seen only if its document has another one. Raises
    InputError for too few, UsageError.
    """
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(made)).tolist()
    one: dict[str, MadeQuery] = {}
    number: dict[str, int] = {}
    for i in order:
        one.setdefault(made[i].document, made[i])
        number[made[i].document] = number.get(made[i].document, 0) + 1
    chosen = sorted(one.values(), key=lambda q: q.id)
    qrels: Qrels = {q.id: {q.document: 1} for q in chosen}
    split: QuerySplit = split_queries([Query(q.id, q.text) for q in chosen], qrels, share, seed)
    rest = [*split.train, *split.seen]
    if trained:
        rest = [q for q in rest if all(number[d] > 1 for d in qrels[q.id])]
    return JudgedQueries(split.new, rest[:MOST_SEEN], split.components, qrels, True)


def left_to_train(made: Sequence[MadeQuery], judged: JudgedQueries) -> list[MadeQuery]:
    """Made queries that have nothing to do with the verdict: other documents, other words."""
    measured = {q.text.casefold() for q in judged.all}
    hidden = judged.hidden
    left = [q for q in made if q.document not in hidden and q.text.casefold() not in measured]
    texts = [*(q.text for q in judged.new), *(q.text for q in left)]
    pairs = near_duplicates([word_set(t) for t in texts])
    new = len(judged.new)
    alike = {j - new for i, j in pairs if i < new <= j}
    return [q for i, q in enumerate(left) if i not in alike]


def hide_queries(pool: Pool, judged: JudgedQueries) -> Pool:
    """The passages of each query's documents without the query's own words in a row.

    A query that was cut out of its passage would be found by any model otherwise. A passage that has nothing
    else stays as it is.
    """
    texts = list(pool.texts)
    places: dict[str, list[int]] = {}
    for i, document in enumerate(pool.documents):
        places.setdefault(document, []).append(i)
    for query in judged.all:
        for document in judged.qrels[query.id]:
            for i in places.get(document, ()):
                texts[i] = without_words(texts[i], query.text) or texts[i]
    return replace(pool, texts=texts, vectors=None)
