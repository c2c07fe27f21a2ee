"""Snippets: the sentence of a passage that answers a query best."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from qembed.errors import QembedError
from qembed.search.lexical.analyzer import spans, terms_of
from qembed.search.lexical.bm25 import idf
from qembed.search.lexical.files import LexicalIndexDamaged
from qembed.search.lexical.query import parse_query
from qembed.types import Passage, Snippet

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.document_reader import DocumentReader
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Vectors

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*[\"'”’)]*")
_DEFINED = re.compile(r"[^\W\d]\w*[?!=]?")
_COMMENT = re.compile(r"\s*(?:#|//|/?\*|--|;|\"\"\"|''')")
_HEAD = re.compile(r"""\s*(?:$|[@#*\[\]]|//|/\*|--|;|\"\"\"|template\b|[\w\s<>,:*&]+$)""")
_STATEMENT = re.compile(
    r"\s*(?:(?:return|await|yield|throw|raise|if|elif|else|while|for|assert|break|continue|pass|end)\b"
    r"|(?:self|this|super)\.)"
)
PASSAGES_PER_READ = 4
"""Passages before a hit that are read at first, to find where its definition begins."""
MAX_SENTENCES = 96
"""Sentences encoded per query, over all its hits: about as much work as twelve passages."""
MAX_COST = 68_000_000_000
"""UTF-8 bytes of these sentences times a token's cost (`EncoderInfo.token_cost`): less of a larger model.

A token is about four bytes in any script. 6.4 kB with six layers of 384 dimensions, half of it with twelve.
"""
FEWEST_SENTENCES = 2
"""Sentences of each passage that are compared, whatever the model costs."""

Span: TypeAlias = tuple[int, int]
"""[start, end) in a passage's text."""


def sentences(text: str) -> list[Span]:
    """Span of each sentence or line with a word in it; headings and lines with an address if all are."""
    found: list[Span] = []
    headings: list[Span] = []
    for m in _SENTENCE.finditer(text):
        piece = m.group()
        start = m.start() + len(piece) - len(piece.lstrip())
        end = m.start() + len(piece.rstrip())
        if sum(c.isalnum() for c in piece) >= 2:
            lesser = text.startswith("#", start) or "://" in piece
            (headings if lesser else found).append((start, end))
    return found or headings


def definition_line(passage: Passage) -> Span | None:
    """First line of the definition in a passage of code; None if the passage does not begin one."""
    first = passage.symbol.partition(", ")[0]
    names = _DEFINED.findall(first)
    if not names:
        return None
    name = re.compile(rf"(?<!\w){re.escape(names[-1])}(?!\w)")
    at = 0
    for line in passage.text.split("\n"):
        found = name.search(line)
        if found and "=" not in line[: found.start()] and not _COMMENT.match(line):
            return at + len(line) - len(line.lstrip()), at + len(line.rstrip())
        at += len(line) + 1
    return None


def begins_definition(text: str, span: Span) -> bool:
    """True if a definition begins at `text[span]`: only comments, decorators and types precede it.

    False where the line is a statement that uses the name, as in a later passage of a long definition.
    """
    before = text[: span[0]].split("\n")
    heads = all(_HEAD.match(x) and not _STATEMENT.match(x) for x in before)
    return heads and not _STATEMENT.match(text[slice(*span)])


def definition_lines(
    documents: DocumentReader, passages: Sequence[tuple[int, Passage]]
) -> list[Snippet | None]:
    """For each (row, passage) the line that defines what the passage is of; None for what is not code.

    A definition that is cut into several passages begins in one before, with the same symbol.
    """
    found: list[Snippet | None] = []
    for row, passage in passages:
        span = definition_line(passage)
        if span is not None and (not passage.seq or begins_definition(passage.text, span)):
            found.append(Snippet(*span))
            continue
        first: Snippet | None = None if span is None else Snippet(*span)
        for part in _with_symbol(documents, row, passage) if passage.symbol else ():
            if (span := definition_line(part)) is not None:
                first = _of_other(part, span)
                if begins_definition(part.text, span):
                    break
        found.append(first)
    return found


def _of_other(part: Passage, span: Span) -> Snippet:
    """Snippet of a line of another passage of the document."""
    start, end = span
    line = part.line + part.text.count("\n", 0, start)
    column = start - (part.text.rfind("\n", 0, start) + 1)
    return Snippet(0, 0, (), part.text[start:end], line, column)


def _with_symbol(documents: DocumentReader, row: int, passage: Passage) -> Iterator[Passage]:
    """Passages of the document before this one, backwards, as long as they have its symbol."""
    import numpy as np

    at, step = row, PASSAGES_PER_READ
    first = row - passage.seq
    while at > first:
        rows = np.arange(max(first, at - step), at, dtype=np.int64)
        for part in reversed(documents.passages(rows)):
            if part.symbol != passage.symbol:
                return
            yield part
        at, step = int(rows[0]), 4 * step


def passage_snippet(query: str, passage: Passage) -> Snippet:
    """Snippet of a passage without an index: the sentence with most of the query's distinct words."""
    terms, text = [*_terms(query)], passage.text
    start, end = definition_line(passage) or _heaviest(text, dict.fromkeys(terms, 1.0))
    return Snippet(start, end, spans(text[start:end], {*terms}))


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
    terms = _terms(query)
    defined = definition_lines(session.documents, passages)
    prose = [p for (_, p), line in zip(passages, defined, strict=True) if line is None]
    inside = any(line is not None and line.definition for line in defined)
    found = None
    if vector is not None and prose:
        with contextlib.suppress(QembedError):
            found = _nearest(session, vector, prose, list(terms))
    weights = _weights(session, list(terms)) if inside or (prose and found is None) else {}
    if found is None:
        found = [_heaviest(p.text, weights) for p in prose]
    sentence = iter(found)
    words = {*terms}
    best = []
    for (_, p), line in zip(passages, defined, strict=True):
        s = line or Snippet(*next(sentence))
        if s.definition:
            start, end = _whole_line(p.text, *_heaviest(p.text, weights))
            s = s._replace(start=start, end=end)
        best.append(s._replace(matches=spans(p.text[s.start : s.end], words)))
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
    candidates = [sentences(p.text) or [(0, len(p.text))] for p in passages]
    if any(len(found) > most for found in candidates) or any(len(p.text) > size for p in passages):
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

    At most `most`, of `size` UTF-8 bytes together, but never fewer than FEWEST_SENTENCES.
    """
    chosen: list[Span] = []
    for start, end in sorted(found, key=lambda span: -_weight(text, span, weights)):
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


def _heaviest(text: str, weights: Mapping[str, float]) -> Span:
    """Sentence with the largest sum of weights of its distinct terms, the first of equals."""
    found = sentences(text) or [(0, len(text))]
    return max(found, key=lambda span: _weight(text, span, weights))


def _weight(text: str, span: Span, weights: Mapping[str, float]) -> float:
    """Sum of the weights of a sentence's distinct terms."""
    return sum(weights.get(t, 0.0) for t in {*terms_of(text[slice(*span)])})
