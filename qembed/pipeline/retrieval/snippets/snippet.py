"""Snippets: the sentence of a passage that answers a query best."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from qembed.corpus.formats import has_hash_comments
from qembed.errors import QembedError
from qembed.pipeline.retrieval.snippets.table_heads import table_heads
from qembed.pipeline.sequences.queries import alphabet_of, sequence_snippets
from qembed.search.lexical.analyzer import spans, terms_of
from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.files import LexicalIndexDamaged
from qembed.search.lexical.query import parse_query
from qembed.types import Passage, Snippet

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.pipeline.retrieval.snippets.definitions import Definition, Span
    from qembed.types import Vectors

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*[\"'”’)]*")
MAX_SENTENCES = 96
"""Sentences encoded per query, over all its hits: about as much work as twelve passages."""
MAX_COST = 68_000_000_000
"""UTF-8 bytes of these sentences times a token's cost (`EncoderInfo.token_cost`): less of a larger model.

A token is about four bytes in any script. 6.4 kB with six layers of 384 dimensions, half of it with twelve,
and of passages with the query's words half of either: words find the sentences among which one answers.
"""
FEWEST_SENTENCES = 2
"""Sentences of each passage that are compared, whatever the model costs."""


def sentences(text: str, hash_comments: bool = False, is_begin: bool = True) -> list[Span]:
    """Span of each sentence or line with a word in it; headings, heads of tables and addresses if all are.

    `hash_comments`: `#` begins a comment, and no heading. `is_begin`: as in `table_heads`.
    """
    heads = table_heads(text, is_begin)
    found: list[Span] = []
    headings: list[Span] = []
    for m in _SENTENCE.finditer(text):
        piece = m.group()
        start = m.start() + len(piece) - len(piece.lstrip())
        end = m.start() + len(piece.rstrip())
        if sum(c.isalnum() for c in piece) >= 2:
            heading = text.startswith("#", start) and not hash_comments
            lesser = heading or "://" in piece or any(a <= start < b for a, b in heads)
            (headings if lesser else found).append((start, end))
    return found or headings


def passage_snippet(query: str, passage: Passage) -> Snippet:
    """Snippet of a passage without an index: the sentence with most of the query's distinct words."""
    terms, text = [*_terms(query)], passage.text
    weights = dict.fromkeys(terms, 1.0)
    defined = _definition(passage, terms, weights) if passage.symbol else None
    start, end = _heaviest(passage, weights) if defined is None else defined.span
    return Snippet(start, end, spans(text, {*terms}))


def _definition(
    passage: Passage, terms: Sequence[str], weights: Mapping[str, float]
) -> Definition | None:
    """The definition in a passage of code whose first line is shown."""
    from qembed.pipeline.retrieval.snippets.definition_lines import find_definition

    return find_definition(passage, terms, lambda: _place(passage, weights))


def _terms(query: str) -> dict[str, None]:
    """Terms of a query, those of its phrases too."""
    parsed = parse_query(query)
    return dict.fromkeys([*parsed.terms, *(t for phrase in parsed.phrases for t in phrase)])


def find_snippets(
    session: Session, query: str, vector: Vectors | None, passages: Sequence[tuple[int, Passage]]
) -> list[Snippet]:
    """The best sentence of each passage, of code the line that defines; with the places of the query's words.

    `passages`: (row, passage). By the cosine with the query's vector, float32 (dim,); by the weights of the
    query's words if that is None or the model fails: a model is never loaded for snippets alone.
    """
    if not passages:
        return []
    if alphabet_of(session.recipe) is not None:
        return sequence_snippets(session.recipe, query, [p for _, p in passages])
    terms = _terms(query)
    weights: dict[str, float] = {}
    defined: Sequence[Snippet | None] = [None] * len(passages)
    if any(p.symbol for _, p in passages):
        # its patterns take a millisecond to compile, of which a query for prose needs none
        from qembed.pipeline.retrieval.snippets.definition_lines import definition_lines

        weights = _weights(session, list(terms))
        defined = definition_lines(
            session.documents, passages, terms, lambda passage: _place(passage, weights)
        )
    prose = [p for (_, p), line in zip(passages, defined, strict=True) if line is None]
    found = None
    if vector is not None and prose:
        with contextlib.suppress(QembedError):
            found = _nearest(session, vector, prose, list(terms))
    if prose and found is None and not weights:
        weights = _weights(session, list(terms))
    if found is None:
        found = [_heaviest(p, weights) for p in prose]
    sentence = iter(found)
    words = {*terms}
    best = []
    for (_, p), line in zip(passages, defined, strict=True):
        s = line or Snippet(*next(sentence))
        if s.definition:
            start, end = _whole_line(p.text, *_heaviest(p, weights))
            s = s._replace(start=start, end=end)
        best.append(s._replace(matches=spans(p.text, words)))
    return best


def _whole_line(text: str, start: int, end: int) -> Span:
    """Span of the line around a span, without the blanks at both ends: in code `!` ends no sentence."""
    begin = text.rfind("\n", 0, start) + 1
    line = text[begin:].partition("\n")[0]
    return begin + len(line) - len(line.lstrip()), max(end, begin + len(line.rstrip()))


def _nearest(
    session: Session, vector: Vectors, passages: Sequence[Passage], terms: Sequence[str]
) -> list[Span]:
    """Sentence of each passage with the largest cosine. `terms`: of the query.

    Of a passage with more sentences than are encoded, those with the query's words come first.
    """
    import numpy as np

    # by the encoder of queries, which is loaded: an asymmetric model's other one may be far larger
    encoder = session.loaded.encoder
    most = MAX_SENTENCES // len(passages)
    size = limit_bytes(encoder.info.token_cost) // len(passages)
    candidates = [_sentences(p) for p in passages]
    if any(len(found) > most for found in candidates) or any(
        len(p.text) > size // 2 for p in passages
    ):
        weights = _weights(session, terms)
        candidates = [
            heaviest_first(p.text, found, weights, most, size)
            for p, found in zip(passages, candidates, strict=True)
        ]
    texts = [p.text[a:b] for p, found in zip(passages, candidates, strict=True) for a, b in found]
    scores = encoder.encode(texts) @ vector
    best, at = [], 0
    for found in candidates:
        best.append(found[int(np.argmax(scores[at : at + len(found)]))])
        at += len(found)
    return best


def limit_bytes(token_cost: int | None) -> int:
    """UTF-8 bytes of sentences that are encoded for a query by a model of this cost."""
    return MAX_COST // (token_cost or 1)


def heaviest_first(
    text: str, found: Sequence[Span], weights: Mapping[str, float], most: int, size: int
) -> list[Span]:
    """Those of the sentences that are encoded, in their order: with the heaviest words, the first of equals.

    At most `most`, of `size` UTF-8 bytes together, half of it if any has a word of weight, but never fewer
    than FEWEST_SENTENCES.
    """
    weighed = {span: _weight(text, span, weights) for span in found}
    if any(weighed.values()):
        size //= 2
    chosen: list[Span] = []
    for start, end in sorted(found, key=lambda span: -weighed[span]):
        size -= len(text[start:end].encode("utf-8", "replace"))
        if len(chosen) >= FEWEST_SENTENCES and (len(chosen) >= most or size < 0):
            break
        chosen.append((start, end))
    return sorted(chosen)


def _weights(session: Session, terms: Sequence[str]) -> dict[str, float]:
    """Inverse document frequency of each term in this index; 1 without a lexical index."""
    index = session.search.lexical
    if index is not None:
        with contextlib.suppress(LexicalIndexDamaged):
            return {t: idf(index.frequency(t), len(index)) for t in terms}
    return dict.fromkeys(terms, 1.0)


def _sentences(passage: Passage) -> list[Span]:
    """Span of each sentence of a passage; all of it if there is none."""
    found = sentences(passage.text, has_hash_comments(passage.document), passage.start == 0)
    return found or [(0, len(passage.text))]


def _heaviest(passage: Passage, weights: Mapping[str, float]) -> Span:
    """Sentence with the largest sum of weights of its distinct terms, the first of equals."""
    return max(_sentences(passage), key=lambda span: _weight(passage.text, span, weights))


def _place(passage: Passage, weights: Mapping[str, float]) -> int | None:
    """Begin of the heaviest sentence; None if no sentence has any of the words."""
    span = _heaviest(passage, weights)
    return span[0] if _weight(passage.text, span, weights) > 0 else None


def _weight(text: str, span: Span, weights: Mapping[str, float]) -> float:
    """Sum of the weights of a sentence's distinct terms."""
    return sum(weights.get(t, 0.0) for t in {*terms_of(text[slice(*span)])})
