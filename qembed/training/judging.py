"""Judging of a training: the same queries over the same passages, by the model before and after.

The passages are all of the index, or a sample of them if they are many: those of relevant documents and of
training lists, then others at random. Measures over a sample are higher than over the whole; the difference
of two models is what counts here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from qembed.evaluation import evaluate, parse_measures
from qembed.evaluation.tuning import Gain, judge
from qembed.models.templates import passage_text, query_text, task_template
from qembed.pipeline.recipe import TITLE_RULE
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.ties.order import id_order
from qembed.pipeline.retrieval.ties.searches import TOLERANCE
from qembed.search.dense.coded import products
from qembed.types import Document, Qrels, Query, Run

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.models import Model
    from qembed.models.profiles import Profile
    from qembed.types import Rows, Vectors

MEASURE = "nDCG@10"
DEPTH = 10
SAMPLE = 5_000
"""Most passages that a model encodes for a verdict."""
NEIGHBOURS = 10
ALIKE = 0.98
"""Mean cosine of unrelated passages above which a model may have collapsed."""
NEARER = 0.25
"""Share of their distance from 1 before that is left of these cosines, below which it has.

Models of random weights, and some trained ones, have cosines of .99 and rank well by what is left.
"""

Encode = Callable[[Sequence[str]], "Vectors"]
"""Finished texts to unit vectors, float32 (n, dim)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Passages to rank: texts as they are encoded, and the document of each. `whole`: all of the index.

    `vectors`: by the model that is trained, before it is: float32 (n, dim), None where they are not known.
    """

    texts: list[str]
    documents: list[str]
    whole: bool
    vectors: Vectors | None = None


def make_pool(
    session: Session,
    wanted: Sequence[str],
    model: Model,
    limit: int = SAMPLE,
    seed: int = 0,
) -> Pool:
    """Passages of the index, at most about `limit`, in a model's template, with vectors if they are its own.

    `wanted`: documents that must be among them.
    """
    import numpy as np

    snapshot = session.snapshot
    names = snapshot.catalog.ids()
    total = snapshot.passages_total
    order = np.random.default_rng(seed).permutation(len(names)).tolist()
    if total > limit:
        first = set(wanted)
        order.sort(key=lambda i: names[i] not in first)
    rows: list[npt.NDArray[np.int64]] = []
    taken, left = 0, len([n for n in set(wanted) if n])
    for i in order:
        if total > limit and taken >= limit and left <= 0:
            break
        found = snapshot.rows_of(np.array([i]))
        rows.append(found)
        taken += len(found)
        left -= 1
    chosen = np.sort(np.concatenate(rows)) if rows else np.zeros(0, dtype=np.int64)
    passages, entries = session.documents.passages(chosen), session.documents.entries(chosen)
    recipe = snapshot.manifest.recipe
    template = model.profile.passage
    texts = [
        passage_text(template, recipe.title_rule, e.title, p.text, p.label)
        for e, p in zip(entries, passages, strict=True)
    ]
    own = (model.revision, model.dim, template) == (
        recipe.revision,
        recipe.dim,
        recipe.passage_text,
    )
    vectors = snapshot.vectors(chosen) if own else None
    return Pool(texts, [e.id for e in entries], len(chosen) == total, vectors)


def documents_pool(
    documents: Sequence[Document],
    wanted: Collection[str],
    profile: Profile,
    limit: int = SAMPLE,
    seed: int = 0,
) -> Pool:
    """Documents of a collection, each as one text; at most `limit` if `wanted`, all taken, are not more."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(documents)).tolist()
    order.sort(key=lambda i: documents[i].id not in wanted)
    must = sum(d.id in wanted for d in documents)
    chosen = [documents[i] for i in sorted(order[: max(limit, must)])]
    texts = [passage_text(profile.passage, TITLE_RULE, d.title, d.text) for d in chosen]
    return Pool(texts, [d.id for d in chosen], len(chosen) == len(documents))


class Measured(Protocol):
    """One model's results. `values`: of a measure by query id."""

    @property
    def values(self) -> dict[str, float]:
        """Values by query id."""
        ...


@dataclass(frozen=True, slots=True)
class Side:
    """One model's results. `values`: MEASURE by query id. `vectors`: of the pool, float32 (n, dim)."""

    values: dict[str, float]
    vectors: Vectors


def measure(
    encode: Encode,
    pool: Pool,
    queries: Sequence[Query],
    qrels: Qrels,
    profile: Profile,
    vectors: Vectors | None = None,
) -> Side:
    """Rank the pool's documents for the queries with one model. `vectors`: of the pool, where known."""
    if vectors is None:
        vectors = encode(pool.texts)
    if not queries:
        return Side({}, vectors)
    template, task = task_template(profile, None)
    asked = encode([query_text(template, q.text, task) for q in queries])
    run: Run = {}
    order = id_order(pool.documents)
    for query, vector in zip(queries, asked, strict=True):
        run[query.id] = _best(vectors, vector, pool.documents, order)
    judged = {q.id: qrels[q.id] for q in queries}
    report = evaluate(parse_measures(MEASURE), judged, run)
    return Side({q: v[MEASURE] for q, v in report.per_query.items()}, vectors)


def _best(
    vectors: Vectors, query: Vectors, documents: Sequence[str], order: Rows
) -> dict[str, float]:
    """The best passage's score of the first DEPTH documents, those of equal score in their `order`."""
    import numpy as np

    scores, found = vectors @ query, dict[str, float]()
    for i in np.argsort(-scores, kind="stable").tolist():
        found.setdefault(documents[i], float(scores[i]))
        if len(found) == DEPTH:
            break
    # the last bits of equal vectors' scores depend on where they stand
    near = np.flatnonzero(scores >= min(found.values(), default=0.0) - TOLERANCE)
    exact = products(vectors[near], query)
    found.clear()
    for i in np.lexsort((order[near], -exact)).tolist():
        found.setdefault(documents[near[i]], float(exact[i]))
    return dict(list(found.items())[:DEPTH])


def compare_sides(
    before: Measured,
    after: Measured,
    queries: Sequence[Query],
    components: Sequence[Sequence[int]] | None = None,
    measure: str = MEASURE,
) -> dict[str, Any] | None:
    """JSON of a difference over some queries: before, after, low, high, p, queries; None without any.

    `components`: positions in `queries` of those that belong together, None for each by itself.
    """
    import numpy as np

    if not queries:
        return None
    was = np.array([before.values[q.id] for q in queries])
    now = np.array([after.values[q.id] for q in queries])
    gain = judge(measure, now - was, components or [[i] for i in range(len(queries))])
    assert gain is not None
    return {
        "measure": measure,
        "before": float(was.mean()),
        "after": float(now.mean()),
        **_of(gain),
    }


def _of(gain: Gain) -> dict[str, Any]:
    return {
        "gain": gain.mean,
        "low": gain.low,
        "high": gain.high,
        "p": gain.p,
        "queries": gain.queries,
    }


def fell(verdict: Mapping[str, Any]) -> str | None:
    """Reason for which a model is worse: on new documents at all, on those to keep beyond chance; or None.

    `of` of the verdict names what is in the place of documents.
    """
    new, kept = verdict["new"], verdict["kept"]
    if new["gain"] < 0:
        where = f"on new {verdict.get('of', 'documents')}"
        return f"{where} {new['measure']} fell from {new['before']:.4f} to {new['after']:.4f}"
    if kept and "gain" in kept and kept["gain"] < 0 and kept["p"] <= 0.05:
        return f"on --keep {kept['measure']} fell from {kept['before']:.4f} to {kept['after']:.4f}"
    return None


def collapsed(before: Side, after: Side) -> str | None:
    """Reason by which a training made all vectors alike, None if it did not."""
    was, now = mean_cosine(before.vectors), mean_cosine(after.vectors)
    if now <= ALIKE or 1 - now >= NEARER * (1 - was):
        return None
    return (
        f"the vectors are all alike (mean cosine {now:.5f}, {was:.5f} before): the training collapsed, as it "
        "may without negatives or with a high --lr"
    )


def neighbour_overlap(before: Vectors, after: Vectors, seed: int = 0, n: int = 300) -> float:
    """Mean share of a passage's nearest neighbours that it keeps, over a sample of n passages.

    `before`, `after`: float32 (passages, dim), of the same passages by two models.
    """
    import numpy as np

    rows = np.random.default_rng(seed).permutation(len(before))[:n]
    k = min(NEIGHBOURS, len(rows) - 1)
    if k < 1:
        return 1.0
    kept = 0.0
    nearest = []
    for vectors in (before[rows], after[rows]):
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -np.inf)
        nearest.append(np.argpartition(-cosines, k - 1, axis=1)[:, :k])
    for a, b in zip(*nearest, strict=True):
        kept += len(np.intersect1d(a, b)) / k
    return kept / len(rows)


def mean_cosine(vectors: Vectors, seed: int = 0, n: int = 1000) -> float:
    """Mean cosine between different passages of a sample: near 1, the vectors are all alike."""
    import numpy as np

    rows = vectors[np.random.default_rng(seed).permutation(len(vectors))[:n]].astype(np.float64)
    if len(rows) < 2:
        return 0.0
    total = rows.sum(axis=0)
    return float((total @ total - (rows * rows).sum()) / (len(rows) * (len(rows) - 1)))
