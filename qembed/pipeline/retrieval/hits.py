"""Rows to hits: passages, documents, context and snippets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.answer import hit_key
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.ranking import RankedQuery
from qembed.pipeline.retrieval.session import Session
from qembed.search.topk import distinct
from qembed.types import Hit, Passage

if TYPE_CHECKING:
    from qembed.store import CatalogEntry
    from qembed.types import Scores


def make_hits(
    session: Session, ranked: Sequence[RankedQuery], options: QueryOptions
) -> list[list[Hit]]:
    """Hits of each query, best first.

    Of the options: `context`, neighbouring passages added on both sides of a hit (a hit whose passage another
    one shows already is left out); `snippets`; and `seen`, hits that are left out.
    """
    context, seen = options.context, frozenset(options.seen)
    rows = distinct([r.rows for r in ranked])
    with session.timer("fetch"):
        passages = dict(zip(rows.tolist(), session.documents.passages(rows), strict=True))
        entries = dict(zip(rows.tolist(), session.documents.entries(rows), strict=True))
    found = []
    for r in ranked:
        numbers = r.rows.tolist()
        shown: Sequence[Passage | None] = [passages[row] for row in numbers]
        if context:
            from qembed.pipeline.retrieval.postprocess import add_context

            with session.timer("fetch"):
                shown = add_context(session, numbers, [passages[row] for row in numbers], context)
        kept = [
            (row, _hit(session, r, i, passage, entries[row]))
            for i, (row, passage) in enumerate(zip(numbers, shown, strict=True))
            if passage is not None
        ]
        if seen:
            kept = [(row, h) for row, h in kept if hit_key(h, options.by) not in seen]
        words = options.snippets == "words"
        found.append(
            _with_snippets(session, r, kept, words) if options.snippets else [h for _, h in kept]
        )
    return found


def _hit(session: Session, r: RankedQuery, i: int, passage: Passage, entry: CatalogEntry) -> Hit:
    """Hit of the i-th row of a query."""
    if passage.document != entry.id:  # the file has moved since it was indexed
        passage = replace(passage, document=entry.id)
    line, end_line = session.documents.file_lines(entry, passage)
    if entry.picture is not None:
        line = end_line = None
    return Hit(
        document=entry.id,
        path=session.documents.path_of(entry.source, entry.file),
        title=entry.title,
        passage=passage,
        score=float(r.scores[i]),
        scores=_stage_scores({"dense": r.dense, "lexical": r.lexical, "rerank": r.rerank}, i),
        meta=entry.meta,
        line=line,
        end_line=end_line,
        parts=_parts(r, i),
        kind="text" if entry.picture is None or r.rows[i] != entry.first else "image",
        picture=None if entry.picture is None else entry.picture.hex(),
    )


def _parts(r: RankedQuery, i: int) -> dict[str, float]:
    """Parts of the learned order's score of the i-th row, by feature, the largest first; {} without it."""
    if r.parts is None:
        return {}
    from qembed.pipeline.retrieval.learned.features import FEATURES

    found = zip(FEATURES, r.parts[i].tolist(), strict=True)
    return {
        n: round(v, 4) for n, v in sorted(found, key=lambda part: -abs(part[1])) if abs(v) >= 5e-5
    }


def _stage_scores(stages: Mapping[str, Scores | None], i: int) -> dict[str, float | None]:
    """Score of each stage for the i-th row; None for stages that did not run or did not reach it."""
    values = {name: None if s is None else float(s[i]) for name, s in stages.items()}
    # NaN: a pair that the rerank budget did not reach
    return {name: v if v is not None and isfinite(v) else None for name, v in values.items()}


def _with_snippets(
    session: Session, r: RankedQuery, found: Sequence[tuple[int, Hit]], words: bool
) -> list[Hit]:
    """Hits with their snippets. `found`: (row, hit). `words`: by the query's words alone."""
    from qembed.pipeline.retrieval.snippets.sentence_lines import with_sentence_line
    from qembed.pipeline.retrieval.snippets.snippet import find_snippets

    passages = [(row, hit.passage) for row, hit in found]
    with session.timer("snippet"):
        vector = None if words else r.vector
        snippets = find_snippets(session, r.query.text, vector, passages)
        return [
            with_sentence_line(replace(h, snippet=s))
            for (_, h), s in zip(found, snippets, strict=True)
        ]
