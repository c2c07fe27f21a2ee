"""Snippets: the sentence of a passage that answers a query best."""

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
from qembed.types import Passage, Snippet

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*[\"'”’)]*")
MAX_SENTENCES = 96
"""Sentences encoded per query, over all its hits: about as much work as twelve passages."""

Span: TypeAlias = tuple[int, int]
"""[start, end) in a passage's text."""


def sentences(text: str) -> list[Span]:
    """Span of each sentence or line with a word in it; headings only if there is nothing else."""
    found: list[Span] = []
    headings: list[Span] = []
    for m in _SENTENCE.finditer(text):
        piece = m.group()
        start = m.start() + len(piece) - len(piece.lstrip())
        end = m.start() + len(piece.rstrip())
        if sum(c.isalnum() for c in piece) >= 2:
            (headings if text.startswith("#", start) else found).append((start, end))
    return found or headings


def find_snippets(
    session: Session, query: str, vector: Vectors | None, passages: Sequence[Passage]
) -> list[Snippet]:
    """The best sentence of each passage, with the places of the query's words.

    By the cosine with the query's vector, float32 (dim,); by the weights of the query's words if that is
    None or the model fails: a model is never loaded for snippets alone.
    """
    if not passages:
        return []
    parsed = parse_query(query)
    terms = dict.fromkeys([*parsed.terms, *(t for phrase in parsed.phrases for t in phrase)])
    best = None
    if vector is not None:
        with contextlib.suppress(QembedError):
            best = _nearest(session, vector, passages)
    if best is None:
        weights = _weights(session, list(terms))
        best = [_heaviest(p.text, weights) for p in passages]
    words = {*terms}
    return [
        Snippet(start, end, spans(p.text[start:end], words))
        for p, (start, end) in zip(passages, best, strict=True)
    ]


def _nearest(session: Session, vector: Vectors, passages: Sequence[Passage]) -> list[Span]:
    """Sentence of each passage with the largest cosine."""
    import numpy as np

    share = max(1, MAX_SENTENCES // len(passages))
    # by the encoder of queries, which is loaded: an asymmetric model's other one may be far larger
    candidates = [sentences(p.text)[:share] or [(0, len(p.text))] for p in passages]
    texts = [p.text[a:b] for p, found in zip(passages, candidates, strict=True) for a, b in found]
    scores = session.loaded.encoder.encode(texts) @ vector
    best, at = [], 0
    for found in candidates:
        best.append(found[int(np.argmax(scores[at : at + len(found)]))])
        at += len(found)
    return best


def _weights(session: Session, terms: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each term in this index; 1 without a lexical index."""
    index = session.search.lexical
    if index is not None:
        with contextlib.suppress(LexicalIndexDamaged):
            return {t: idf(index.frequency(t), len(index)) for t in terms}
    return dict.fromkeys(terms, 1.0)


def _heaviest(text: str, weights: Mapping[str, float]) -> Span:
    """Sentence with the largest sum of weights of its distinct terms, the first of equals."""
    found = sentences(text) or [(0, len(text))]
    return max(found, key=lambda p: sum(weights.get(t, 0) for t in {*terms_of(text[slice(*p)])}))
