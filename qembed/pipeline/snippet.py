"""The sentence of a passage that answers best, for people in a hurry."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.pipeline.session import Session
    from qembed.types import Vectors

_SENTENCE = re.compile(r"[^\n.!?。！？]+(?:[.!?](?=\w)[^\n.!?。！？]*)*[.!?。！？]*[\"'”’)]*")
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


def best_sentences(session: Session, vector: Vectors, passages: Sequence[Passage]) -> list[str]:
    """For each passage its sentence nearest to the query vector (float32 (dim,)), as it stands there."""
    import numpy as np

    if not passages:
        return []
    share = max(1, SENTENCES // len(passages))
    spans = [sentences(p.text)[:share] or [(0, len(p.text))] for p in passages]
    texts = [p.text[a:b] for p, found in zip(passages, spans, strict=True) for a, b in found]
    scores = session.encoder.encode(texts) @ vector
    best, at = [], 0
    for found in spans:
        i = at + int(np.argmax(scores[at : at + len(found)]))
        best.append(texts[i])
        at += len(found)
    return best
