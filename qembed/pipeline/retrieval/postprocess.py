"""Post-processing of a ranking: diversity and context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qembed.pipeline.join_passages import join_passages
from qembed.types import Passage

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.session import Session
    from qembed.types import Rows, Scores, Vectors

NEAR_DUPLICATE = 0.98
"""Cosine of near-duplicates: reprints, licence headers, quoted mails."""


def maximal_marginal_relevance(scores: Scores, vectors: Vectors, k: int, diversity: float) -> Rows:
    """Positions of k candidates by maximal marginal relevance (Carbonell and Goldstein 1998), int64 (≤ k,).

    `scores`: float32 (n,), best first, scaled to [0, 1] over the candidates. Each next candidate has the
    largest (1 - diversity) * score - diversity * its largest cosine with the chosen ones, which are the rows
    of `vectors`, float32 (n, dim). Near-duplicates of chosen candidates are left out.
    """
    import numpy as np

    n = len(scores)
    spread = float(scores.max() - scores.min()) if n else 0.0
    worth = (scores - scores.min()) / spread if spread > 0 else np.ones(n, np.float32)
    nearest = np.full(n, -1.0, dtype=np.float32)
    free = np.ones(n, dtype=bool)
    taken: list[int] = []
    while len(taken) < k and free.any():
        value = (1 - diversity) * worth - diversity * np.maximum(nearest, 0.0)
        best = int(np.argmax(np.where(free, value, -np.inf)))
        taken.append(best)
        nearest = np.maximum(nearest, vectors @ vectors[best])
        free &= nearest < NEAR_DUPLICATE
        free[best] = False
    return np.array(taken, dtype=np.int64)


def left_out_note(number: int) -> str:
    """Note that near-duplicates were left out, so that there are fewer hits than were asked for."""
    which = "1 near-duplicate of a better hit was" if number == 1 else f"{number:,} were"
    more = "" if number == 1 else " near-duplicates of better hits and"
    return f"--diversity: there are no more hits, {which}{more} left out"


def add_context(
    session: Session, rows: Sequence[int], passages: Sequence[Passage], n: int
) -> list[Passage | None]:
    """Each row's passage with n neighbours on both sides; None if a better hit shows the passage already.

    White space between passages, which belongs to none, becomes line ends and blanks.
    """
    import numpy as np

    shown: dict[int, int] = {}
    wide: list[Passage | None] = []
    entries = session.documents.entries(np.array(rows, dtype=np.int64)) if rows else []
    for row, passage, entry in zip(rows, passages, entries, strict=True):
        if row in shown:
            wide.append(None)
            continue
        around = [
            r
            for r in range(max(entry.first, row - n), min(entry.first + entry.rows, row + n + 1))
            if r not in shown
        ]
        # neighbours that another hit shows interrupt the stretch around this passage
        low = high = around.index(row)
        while low and around[low - 1] == around[low] - 1:
            low -= 1
        while high + 1 < len(around) and around[high + 1] == around[high] + 1:
            high += 1
        stretch = around[low : high + 1]
        parts = session.documents.passages(np.array(stretch, dtype=np.int64))
        shown.update((r, row) for r in stretch)
        start = min(p.start for p in parts)
        line = min(p.line for p in parts)
        wide.append(
            replace(
                passage,
                start=start,
                end=max(p.end for p in parts),
                text=join_passages(parts, start, line),
                line=line,
                end_line=max(p.end_line for p in parts),
            )
        )
    return wide
