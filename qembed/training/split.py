"""Division of judged queries: to train on, and held out twice, with new and with seen documents.

A model that has seen a query's documents as answers remembers them. What it does for queries whose documents
were in no training list, and none of whose near-duplicates were, is what it has learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.source_file import counted
from qembed.evaluation.tuning import connected_components
from qembed.types import Qrels, Query

FEWEST = 5
"""Fewest components of held-out queries: with fewer no gain can be told from chance."""

DEV_SHARE = 0.1
"""Share of the trained queries that tells when to stop."""
DEV_LEAST = 50
"""Trained queries below which none is kept for that."""


@dataclass(frozen=True, slots=True)
class QuerySplit:
    """Queries by use. `components`: of `new`, as positions in it; each shares nothing with the others.

    `seen`: not trained on, but all of their relevant documents are those of trained queries. Queries that are
    connected with one of `new`, and cannot be judged on, are in none of them.
    """

    train: list[Query]
    new: list[Query]
    seen: list[Query]
    components: list[list[int]]


def split_queries(
    queries: Sequence[Query],
    qrels: Qrels,
    share: float = 0.2,
    seed: int = 0,
    judging: Collection[str] | None = None,
) -> QuerySplit:
    """Divide the queries with relevant documents; about `share` of them are held out in each way.

    `judging`: ids of those that can be judged on, None for all. Raises UsageError for a share that is none,
    InputError for too few queries.
    """
    import numpy as np

    if not 0 < share < 0.5:
        raise UsageError(f"--held-out {share:g}: above 0 and below 0.5")
    judged = [q for q in queries if any(grade > 0 for grade in qrels.get(q.id, {}).values())]
    if not judged:
        raise InputError("no query has a relevant document: there is nothing to train on")
    relevant = [[d for d, grade in qrels[q.id].items() if grade > 0] for q in judged]
    components = connected_components([q.text for q in judged], relevant)
    wanted = share * len(judged)
    if len(components) < 2 * FEWEST:
        raise InputError(
            f"{counted(len(judged), 'query falls', 'queries fall')} into "
            f"{counted(len(components), 'group')} by common relevant documents or words: "
            f"{2 * FEWEST} are the least, to train on some and to judge on others"
        )
    judges = {i for i, q in enumerate(judged) if judging is None or q.id in judging}
    rng = np.random.default_rng(seed)
    new: list[list[int]] = []
    left: list[int] = []
    # one after another, but none that is more than all that is wanted
    for i in rng.permutation(len(components)).tolist():
        if judges.isdisjoint(components[i]):
            left += components[i]
            continue
        held = sum(map(len, new))
        fits = held + len(components[i]) <= max(wanted, held + 1)
        if (held < wanted or len(new) < FEWEST) and fits and len(components[i]) <= max(1, wanted):
            new.append(components[i])
        else:
            left += components[i]
    if len(new) < FEWEST:
        if judging is not None:
            raise InputError(
                f"only {counted(len(new), 'group')} of queries that share documents or words "
                f"{'has' if len(new) == 1 else 'have'} later answers to judge by: "
                f"{FEWEST} are the least (log more, or a larger --held-out)"
            )
        raise InputError(
            f"the {len(judged)} queries are so connected by documents and words that only "
            f"{counted(len(new), 'group')} can be held out: {FEWEST} are the least"
        )
    left.sort()
    order = [n for n in rng.permutation(len(left)).tolist() if left[n] in judges]
    seen = _seen(left, relevant, wanted, order)
    held_out = {i for members in new for i in members} | set(seen)
    new = [[i for i in members if i in judges] for members in new]
    order = [i for members in new for i in members]
    at = {i: n for n, i in enumerate(order)}
    return QuerySplit(
        [judged[i] for i in range(len(judged)) if i not in held_out],
        [judged[i] for i in order],
        [judged[i] for i in seen],
        [[at[i] for i in members] for members in new],
    )


def _seen(
    left: Sequence[int], relevant: Sequence[Sequence[str]], wanted: float, order: Sequence[int]
) -> list[int]:
    """Queries of `left` whose relevant documents others of `left` have too, at most about `wanted`."""
    uses = Counter(d for i in left for d in relevant[i])
    found: list[int] = []
    for n in order:
        i = left[n]
        if len(found) < wanted and all(uses[d] > 1 for d in relevant[i]):
            found.append(i)
            uses.subtract(relevant[i])
    return sorted(found)


def dev_queries(query_ids: Sequence[str], seed: int) -> set[str]:
    """Trained queries that are kept to tell when to stop; none of fewer than DEV_LEAST. Ids may repeat."""
    import numpy as np

    names = list(dict.fromkeys(query_ids))
    if len(names) < DEV_LEAST:
        return set()
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    return {names[i] for i in order[: int(DEV_SHARE * len(names))]}
