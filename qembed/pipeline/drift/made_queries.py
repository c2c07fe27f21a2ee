"""Queries made of documents, where nobody has judged any: are new documents found as well as old ones.

A query is some of the rarer words of a passage, in their order. Who finds the passage's document by meaning
has a model that reads these words. It is a proxy: people ask in words of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.permutation import PERMUTATIONS, permutation_test, permuted_labels
from qembed.drift.sample import document_terms
from qembed.drift.signal import Signal
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.text_profile.text_facts import written_forms
from qembed.types import Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.drift.permutation import Labels, Values
    from qembed.pipeline.drift.side import Side
    from qembed.pipeline.retrieval.session import Session

MOST = 100
"""Queries of each side, at most."""
LEAST = 30
"""Queries of a side below which they tell nothing."""
WORDS = 4
FEWEST_WORDS = 2
DEPTH = 10
ALIKE = 0.7
"""Share of the terms of two passages that both have, from which on they are copies: no query tells them
apart. By terms, not by vectors: a model that cannot tell texts apart is what is looked for."""
SHOWN = 10


class MadeQuery(NamedTuple):
    """Query made of a document."""

    text: str
    document: str


def compare_made_queries(
    session: Session, old: Side, new: Side, progress: Progress
) -> Signal | None:
    """Compare how well documents of both sides are found by queries made of them; None for too few.

    Effect: the loss of the mean reciprocal rank among the first DEPTH documents.
    """
    import numpy as np

    counts = _document_counts(old, new)
    made = [_queries(side, counts) for side in (old, new)]
    if min(map(len, made)) < LEAST:
        return None
    progress.phase("made queries", "queries", len(made[0]) + len(made[1]))
    before, after = (_reciprocal_ranks(session, queries, progress) for queries in made)
    values = np.concatenate([before, after]).astype(np.float32)
    total = float(values.sum())

    def losses(labels: Labels) -> Values:
        inside = labels @ values
        rest = (total - inside) / len(before)
        return np.asarray(rest - inside / len(after), dtype=np.float64)

    test = permutation_test(losses, permuted_labels(len(before), len(after), PERMUTATIONS))
    worst = [i for i in np.argsort(after, kind="stable").tolist() if after[i] == 0][:SHOWN]
    return Signal(
        "made",
        max(0.0, test.observed),
        test.p,
        f"queries made of new documents find them with RR@{DEPTH} {after.mean():.2f}, those of old ones "
        f"{before.mean():.2f} (a proxy)",
        [{"text": made[1][i].text, "document": made[1][i].document, "score": 0.0} for i in worst],
        details={"old": len(before), "new": len(after), "proxy": True},
    )


def _document_counts(old: Side, new: Side) -> dict[int, int]:
    """Number of sampled documents, old and new, that have each term, by its hash."""
    import numpy as np

    terms = [*document_terms(old.sample), *document_terms(new.sample)]
    hashes, counts = np.unique(np.concatenate(terms), return_counts=True)
    return dict(zip(hashes.tolist(), counts.tolist(), strict=True))


def _queries(side: Side, counts: dict[int, int]) -> list[MadeQuery]:
    """Queries of documents that are no copies of one another, one each."""
    kept: list[set[int]] = []
    found: list[MadeQuery] = []
    for document in range(side.sample.documents):
        if len(found) == MOST:
            break
        at = side.passages_of(document)[0]
        terms = set(side.sample.terms[at].tolist())
        if any(len(terms & other) >= ALIKE * len(terms | other) for other in kept):
            continue
        text = _query(side.texts[at], sorted(terms), counts)
        if text:
            kept.append(terms)
            found.append(MadeQuery(text, side.ids[at]))
    return found


def _query(text: str, terms: list[int], counts: dict[int, int]) -> str:
    """Rarer words of a text that other documents have, too, in their order; "" for too few."""
    shared = sorted((t for t in terms if counts[t] > 1), key=lambda t: (counts[t], t))
    words = dict.fromkeys(written_forms(shared[:WORDS], [text]).values())
    if len(words) < FEWEST_WORDS:
        return ""
    folded = text.casefold()
    return " ".join(sorted(words, key=lambda w: (folded.find(w), w)))


def _reciprocal_ranks(
    session: Session, queries: list[MadeQuery], progress: Progress
) -> npt.NDArray[np.float64]:
    """Reciprocal rank of each query's document by meaning, 0 beyond DEPTH: float64 (n,)."""
    import numpy as np

    options = QueryOptions(mode="dense", k=DEPTH, by="document", memory=False)
    retriever = Retriever(session, options)
    asked = [Query(str(i), q.text) for i, q in enumerate(queries)]
    found = []
    for query, ranked in zip(queries, retriever.retrieve(asked).queries, strict=True):
        names = [e.id for e in session.snapshot.entries_of(ranked.rows[:DEPTH])]
        found.append(1 / (names.index(query.document) + 1) if query.document in names else 0.0)
    progress.advance(len(queries))
    return np.array(found)
