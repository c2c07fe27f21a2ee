"""Similar documents and passages: the nearest to those of a subject.

A document's score is the mean, over the subject's passages, of the cosine with its nearest passage (`mean`),
or the best of these cosines (`best`). A passage's score is its cosine with the nearest of the subject's. The
subject itself and its exact copies are left out.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.documents.request import SimilarRequest, check_similar
from qembed.pipeline.retrieval.documents.subject import Subject, make_subject, stored_text
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.unfinished import unfinished_warnings
from qembed.types import Hit, Passage, Query, Results

if TYPE_CHECKING:
    from qembed.pipeline.filters import Allowed
    from qembed.search import Plan
    from qembed.store import CatalogEntry
    from qembed.types import Rows, Scores, Snippet

COPY_COSINE = 0.9
"""Cosine that two passages of the same text have at least, whatever their titles."""
MOST_FOUND = 2_000_000
"""Passages found for all passages of a subject together, at most."""
SPARE = 20
"""Passages searched beyond those that are wanted, which copies may take the place of."""
WORDS = 200
"""Words of a subject's passage by which the sentence of a hit is chosen."""
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Found:
    """Ranked rows, one for each document or passage: `rows` int64 (n,), `scores` float32 (n,), best first.

    `nearest`: position of the subject's passage that each row is nearest to, int64 (n,).
    """

    rows: Rows
    scores: Scores
    nearest: Rows

    def take(self, positions: Sequence[int]) -> Found:
        """The rows at the given positions, in that order."""
        import numpy as np

        at = np.asarray(positions, dtype=np.int64)
        return Found(self.rows[at], self.scores[at], self.nearest[at])


def answer_similar(index: Path, request: SimilarRequest) -> Answer:
    """Find what is similar in the index at `index`, opened for it. Raises also NoIndex."""
    check_similar(request)
    with Session(index, request.model) as session:
        return similar(session, request)


def similar(session: Session, request: SimilarRequest) -> Answer:
    """Find the documents or passages nearest to a request's subject, as an answer to one query.

    Raises UnknownDocument, InputError, UsageError, ModelUnavailable.
    """
    check_similar(request)
    subject = make_subject(session, request)
    allowed = session.documents.filters.allowed(request.where) if request.where else None
    found, copies, plan = _search(session, subject, request, allowed)
    manifest = session.snapshot.manifest
    warnings = [*unfinished_warnings(session.root, manifest), *subject.warnings]
    if request.model is not None and len(subject.positions):
        warnings.append("--model: no effect on a document of the index, whose vectors are stored")
    warnings += allowed.warnings if allowed is not None else ()
    if (warning := plan.warning(request.search)) is not None:
        warnings.append(warning)
    if copies:
        shown = ", ".join(copies[:3]) + (f" and {len(copies) - 3:,} more" if copies[3:] else "")
        one = len(copies) == 1
        warnings.append(f"left out as {'an exact copy' if one else 'exact copies'}: {shown}")
    if subject.left_out:
        used = len(subject.texts)
        warnings.append(
            f"{subject.name} has {used + subject.left_out:,} passages: {used} of them are compared"
        )
    hits = _hits(session, found, subject, request.snippets)
    return Answer(
        results=[Results(Query("1", subject.name), None, hits)],
        generation=manifest.generation,
        recipe=manifest.recipe.fingerprint,
        plan=f"{plan.kind} ({plan.why})",
        warnings=warnings,
        note=session.loaded.note,
        seconds=dict(session.timer),
    )


# ── search ───────────────────────────────────────────────────────────────────────────────────────


def _search(
    session: Session, subject: Subject, request: SimilarRequest, allowed: Allowed | None
) -> tuple[Found, list[str], Plan]:
    """(the k best, ids of exact copies, of texts those that were met, how vectors were searched)."""
    total = session.snapshot.passages_total if allowed is None else len(allowed.rows)
    own = int(session.snapshot.catalog.pointers()[1][subject.positions].sum())
    depth = request.k + own + SPARE
    most = min(total, max(depth, MOST_FOUND // len(subject.vectors)))
    while True:
        ask = min(depth, most)
        pairs, plan = session.search.vector_search(
            subject.vectors, ask, request.search, None, allowed
        )
        lowest = [float(s[-1]) if 0 < len(s) == ask else -1.0 for _, s in pairs]
        ranked, unseen = by_passage(pairs), max(lowest)
        if request.by == "document":
            ranked = best_of_each(session, ranked)
            if request.score == "mean" and len(pairs) > 1:
                wanted = request.k + len(subject.positions) + SPARE
                ranked, unseen = by_mean(session, subject, ranked, pairs, lowest, wanted)
        if request.min_score is not None:
            ranked = ranked.take((ranked.scores >= request.min_score).nonzero()[0].tolist())
        found, copies = _without_copies(session, subject, ranked, request.k, request.by)
        full = len(found.rows) == request.k and float(found.scores[-1]) >= unseen
        none_left = request.min_score is not None and unseen < request.min_score
        if full or none_left or ask >= most:
            copies += [i for i in _equal_pictures(session, subject, allowed) if i not in copies]
            return found, copies, plan
        depth *= 4


def by_passage(pairs: Sequence[tuple[Rows, Scores]]) -> Found:
    """Rank the passages that were found, each by its best cosine. `pairs`: of each passage compared."""
    import numpy as np

    rows = np.concatenate([r for r, _ in pairs])
    scores = np.concatenate([s for _, s in pairs])
    nearest = np.repeat(np.arange(len(pairs)), [len(r) for r, _ in pairs])
    order = np.lexsort((nearest, rows, -scores))
    rows, scores, nearest = rows[order], scores[order], nearest[order]
    first = np.sort(np.unique(rows, return_index=True)[1])
    return Found(rows[first], scores[first], nearest[first])


def best_of_each(session: Session, passages: Found) -> Found:
    """The best passage of each document, of ranked ones."""
    import numpy as np

    documents = session.snapshot.positions_of(passages.rows)
    return passages.take(np.sort(np.unique(documents, return_index=True)[1]).tolist())


def by_mean(
    session: Session,
    subject: Subject,
    best: Found,
    pairs: Sequence[tuple[Rows, Scores]],
    lowest: Sequence[float],
    wanted: int,
) -> tuple[Found, float]:
    """(at least `wanted` documents by their mean, as far as so many were found; a bound of all others).

    `best`: each document that was found, with its best passage. `pairs`, `lowest`: the rows that each passage
    of the subject found, and the cosine that no other row is above. A document that one of them did not find
    has there no more than its lowest: the means are computed in the order of these bounds, as far as needed.
    """
    import numpy as np

    snapshot = session.snapshot
    documents = snapshot.positions_of(best.rows)
    column = np.zeros(len(snapshot.catalog), dtype=np.int64)
    column[documents] = np.arange(len(documents))
    bounds = np.zeros(len(documents), dtype=np.float64)
    for (rows, scores), low in zip(pairs, lowest, strict=True):
        cosines = np.full(len(documents), low, dtype=np.float32)
        np.maximum.at(cosines, column[snapshot.positions_of(rows)], scores)
        bounds += cosines
    bounds /= len(pairs)
    order = np.argsort(-bounds, kind="stable")
    means: list[float] = []
    best_means: list[float] = []
    first, count = snapshot.catalog.pointers()
    for n, at in enumerate(order.tolist()):
        if n >= wanted and best_means[0] >= bounds[at]:
            break
        begin = int(first[documents[at]])
        rows = np.arange(begin, begin + int(count[documents[at]]), dtype=np.int64)
        cosines = subject.vectors @ session.search.vectors(rows).T
        means.append(float(cosines.max(axis=1).mean()))
        (heapq.heappush if n < wanted else heapq.heappushpop)(best_means, means[-1])
    scores = np.array(means, dtype=np.float32)
    done = order[: len(means)]
    ranking = np.lexsort((done, -scores))
    ranked = best.take(done[ranking].tolist())
    rest = float(bounds[order[len(means)]]) if len(means) < len(order) else -1.0
    bound = max(rest, sum(lowest) / len(lowest))
    return Found(ranked.rows, scores[ranking], ranked.nearest), bound


def _without_copies(
    session: Session, subject: Subject, ranked: Found, k: int, by: str
) -> tuple[Found, list[str]]:
    """(the k best without the subject and its exact copies, ids of the copies)."""
    import numpy as np

    own = set(subject.positions.tolist())
    documents = session.snapshot.positions_of(ranked.rows).tolist()
    kept: list[int] = []
    copies: dict[int, bool] = {}
    for i, (document, score) in enumerate(zip(documents, ranked.scores.tolist(), strict=True)):
        if len(kept) == k and score < COPY_COSINE:
            break
        if document in own:
            continue
        if score >= COPY_COSINE and document not in copies:
            copies[document] = _is_copy(session, subject, document)
        if copies.get(document):
            continue
        is_one = len(subject.texts) == 1 and not subject.pictures
        if by == "passage" and score >= COPY_COSINE and is_one:
            row = ranked.rows[i : i + 1]
            if session.documents.passages(row)[0].text == subject.texts[0]:
                copies[document] = True
                continue
        if len(kept) < k:
            kept.append(i)
    at = np.array([d for d, is_copy in copies.items() if is_copy], dtype=np.int64)
    ids = [entry.id for entry in session.snapshot.catalog.take(at)] if len(at) else []
    return ranked.take(kept), ids


def _equal_pictures(session: Session, subject: Subject, allowed: Allowed | None) -> list[str]:
    """Ids of all other documents with the pixels of the subject's pictures, in the order of the catalog."""
    import numpy as np

    if not subject.pictures:
        return []
    catalog = session.snapshot.catalog
    digests = catalog.columns("picture")["picture"]
    own = set(subject.positions.tolist())
    equal = [i for i, d in enumerate(digests) if d in subject.pictures and i not in own]
    at = np.array(equal, dtype=np.int64)
    if allowed is not None:
        at = at[np.isin(catalog.pointers()[0][at], allowed.rows)]
    return [entry.id for entry in catalog.take(at)] if len(at) else []


def _is_copy(session: Session, subject: Subject, document: int) -> bool:
    """True if a document has the text of one of the subject's, or its pixels whatever the captions."""
    import numpy as np

    (entry,) = session.snapshot.catalog.take([document])
    if entry.picture is not None and subject.pictures:
        return entry.picture in subject.pictures
    first, rows = session.snapshot.catalog.pointers()
    begin = int(first[document])
    every = np.arange(begin, begin + int(rows[document]), dtype=np.int64)
    return stored_text(session.documents.passages(every)) in subject.whole


# ── rows to hits ─────────────────────────────────────────────────────────────────────────────────


def _hits(session: Session, found: Found, subject: Subject, snippets: bool) -> list[Hit]:
    """Hits of the rows, best first. `snippets`: find the sentence that shares most with the subject."""
    from qembed.pipeline.retrieval.snippets.sentence_lines import with_sentence_line
    from qembed.pipeline.retrieval.snippets.snippet import find_snippets

    with session.timer("fetch"):
        passages = session.documents.passages(found.rows)
        entries = session.documents.entries(found.rows)
    hits = [
        _hit(session, passage, entry, score)
        for passage, entry, score in zip(passages, entries, found.scores.tolist(), strict=True)
    ]
    if not snippets:
        return hits
    shown: dict[int, Snippet] = {}
    with session.timer("snippet"):
        for nearest in dict.fromkeys(found.nearest.tolist()):
            at = (found.nearest == nearest).nonzero()[0].tolist()
            pairs = [(int(found.rows[i]), hits[i].passage) for i in at]
            words = " ".join(_WORD.findall(subject.texts[nearest])[:WORDS])
            shown.update(zip(at, find_snippets(session, words, None, pairs), strict=True))
    return [with_sentence_line(replace(h, snippet=shown[i])) for i, h in enumerate(hits)]


def _hit(session: Session, passage: Passage, entry: CatalogEntry, score: float) -> Hit:
    if passage.document != entry.id:  # the file has moved since it was indexed
        passage = replace(passage, document=entry.id)
    line, end_line = session.documents.file_lines(entry, passage)
    if entry.picture is not None:
        line = end_line = None
    scores: Mapping[str, float | None] = {"dense": score, "lexical": None, "rerank": None}
    return Hit(
        document=entry.id,
        path=session.documents.path_of(entry.source, entry.file),
        title=entry.title,
        passage=passage,
        score=score,
        scores=scores,
        meta=entry.meta,
        line=line,
        end_line=end_line,
        kind="text" if entry.picture is None or passage.seq else "image",
        picture=None if entry.picture is None else entry.picture.hex(),
    )
