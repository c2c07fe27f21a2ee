"""Judgments on passages: spans `doc#start-end`, in characters of a document.

A retrieved passage counts as the judged span that it overlaps by at least half of the shorter of the two (of
several, the one with the highest grade, then the largest overlap). As a document counts by its best passage,
a span counts by its best passage: later ones are left out of the run, so that nothing is counted twice.
Passages that match no judged span stand in the run under their own `doc#start-end`, unjudged.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping, Sequence
from typing import TypeAlias

from qembed.errors import InputError
from qembed.types import Passage, Qrels

Span: TypeAlias = tuple[str, int, int, int]
"""Document, start, end, grade."""
Spans: TypeAlias = dict[str, dict[str, Span]]
"""Query id -> judged id -> its span."""

_FORM = re.compile(r"(.+)#(\d+)-(\d+)", re.S)


def spans_of(qrels: Qrels, documents: Container[str]) -> Spans:
    """Parse the judged spans; {} where judgments name documents.

    An id is a span if it ends in #start-end, is no document's id, and its head is one. Raises InputError
    where some judgments name documents and others spans.
    """
    spans: Spans = {}
    whole: list[str] = []
    for query, grades in qrels.items():
        for name, grade in grades.items():
            form = _FORM.fullmatch(name)
            if name in documents:
                whole.append(f"query {query!r}: {name!r} is a document")
            elif form and form[1] in documents and int(form[2]) < int(form[3]):
                span = form[1], int(form[2]), int(form[3]), grade
                spans.setdefault(query, {})[name] = span
    if spans and whole:
        raise InputError(
            "judgments are on documents or on passages (doc#start-end), not both:", whole
        )
    return spans


def as_judged(
    spans: Mapping[str, Span],
    names: Sequence[str],
    passages: Sequence[Passage],
    scores: Sequence[float],
    depth: int,
) -> dict[str, float]:
    """Map one query's hits to judged ids: each once, best first, ties by id descending, at most `depth`."""
    found: dict[str, float] = {}
    for name, p, score in zip(names, passages, scores, strict=True):
        key = _match(spans, name, p) or f"{name}#{p.start}-{p.end}"
        if key not in found:
            found[key] = score
    best = sorted(found.items(), key=lambda hit: (hit[1], hit[0]), reverse=True)
    return dict(best[:depth])


def _match(spans: Mapping[str, Span], name: str, p: Passage) -> str | None:
    """Return the judged id that a passage of the document `name` counts as."""
    best: tuple[int, int, str] | None = None
    for key, (document, start, end, grade) in spans.items():
        if document != name:
            continue
        shared = min(end, p.end) - max(start, p.start)
        if shared > 0 and 2 * shared >= min(end - start, p.end - p.start):
            best = max(best or (-(10**9), 0, ""), (grade, shared, key))
    return None if best is None else best[2]
