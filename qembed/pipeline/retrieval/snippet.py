"""The sentence of a passage that answers best, for people in a hurry."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from qembed.errors import QembedError
from qembed.search.lexical.analyzer import spans, terms_of
from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.files import LexicalIndexDamaged
from qembed.search.lexical.query import parse_query
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*[\"'”’)]*")
_GAP = re.compile(r"\n[^\S\n]*\n")
SENTENCES = 96
"""How many are compared at most, over all hits of a query: about as much work as twelve passages."""


def sentences(text: str) -> list[tuple[int, int]]:
    """(start, end) of each sentence or line that has words in it; headings only if there is no other."""
    found: list[tuple[int, int]] = []
    headings: list[tuple[int, int]] = []
    for m in _SENTENCE.finditer(text):
        piece = m.group()
        start = m.start() + len(piece) - len(piece.lstrip())
        end = m.start() + len(piece.rstrip())
        if sum(c.isalnum() for c in piece) >= 2:
            (headings if text.startswith("#", start) else found).append((start, end))
    return found or headings


Place: TypeAlias = tuple[int, int]
"""[start, end) in a passage's text."""


def best_sentences(
    session: Session, query: str, vector: Vectors | None, passages: Sequence[Passage]
) -> list[Place]:
    """Where in each passage the sentence is that answers best.

    The nearest to the query's vector (float32 (dim,)); without one, as where words alone were searched, or
    where the model fails, the one with most of the query's words: a model is never loaded for this alone.
    """
    if not passages:
        return []
    if vector is not None:
        with contextlib.suppress(QembedError):
            return _nearest(session, vector, passages)
    weights = _weights(session, query)
    return [_worded(p.text, weights) for p in passages]


def _nearest(session: Session, vector: Vectors, passages: Sequence[Passage]) -> list[Place]:
    import numpy as np

    share = max(1, SENTENCES // len(passages))
    places = [sentences(p.text)[:share] or [(0, len(p.text))] for p in passages]
    texts = [p.text[a:b] for p, found in zip(passages, places, strict=True) for a, b in found]
    scores = session.encoder.encode(texts) @ vector
    best, at = [], 0
    for found in places:
        best.append(found[int(np.argmax(scores[at : at + len(found)]))])
        at += len(found)
    return best


def _weights(session: Session, query: str) -> dict[str, float]:
    """The query's terms and what BM25 makes of them in this index: rare ones say more."""
    words, index = parse_query(query), session.lexical
    terms = dict.fromkeys([*words.terms, *(t for phrase in words.phrases for t in phrase)])
    if index is not None:
        with contextlib.suppress(LexicalIndexDamaged):
            return {t: idf(index.frequency(t), len(index)) for t in terms}
    return dict.fromkeys(terms, 1.0)


def _worded(text: str, weights: Mapping[str, float]) -> Place:
    """The sentence whose distinct terms weigh most, the first of equals."""
    places = sentences(text) or [(0, len(text))]
    return max(places, key=lambda p: sum(weights.get(t, 0) for t in {*terms_of(text[slice(*p)])}))


def matched(text: str, query: str) -> list[Place]:
    """Where a text has the query's words, by their stems."""
    words = parse_query(query)
    return spans(text, {*words.terms, *(t for phrase in words.phrases for t in phrase)})


def rest_of_paragraph(text: str, at: int) -> str:
    """What follows position `at` up to the next empty line, on one line."""
    gap = _GAP.search(text, at)
    rest = text[at:] if gap is None else text[at : gap.start()]
    return (" " if rest[:1].isspace() else "") + " ".join(rest.split())
