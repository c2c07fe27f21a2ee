"""Parity of a graph with its torch model: probe texts and tolerances."""

from __future__ import annotations

from typing import Any

COSINE = 0.99999
"""Least cosine of the graph's vectors with torch's."""
LOGIT = 1e-3
"""Tolerance of a score, times the largest of a batch if that is above 1.

It changes a probability by a quarter of that at most. Sums in another order differ by 1e-5 through 28 layers,
a wrong mask, position or rounding to half precision by 1e-2 and more.
"""
LONGEST_PROBE = 300
"""Tokens in the longest probe: beyond every window and every length the graph was traced with."""
PROBES = (
    "parcel",
    "Where is my parcel, and when will it arrive?",
    "The quick brown fox jumps over the lazy dog. It rains in the harbour, and nobody minds.",
    "火星是红色的行星。 Über Größe.",
    "def retry(times: int) -> None:\n    for n in range(times):\n        wait(2 ** n)",
)


class ParityError(Exception):
    """Disagreement: the graph gives other numbers than torch."""


def shapes() -> list[list[str]]:
    """Batches of one text, of equal and of mixed lengths, of many texts, and one with a long text."""
    return [*([p] for p in PROBES), [PROBES[0]] * 3, list(PROBES), [PROBES[0], long_text()]]


def long_text() -> str:
    """Text of more than LONGEST_PROBE tokens."""
    return " ".join(PROBES[1:3] * (LONGEST_PROBE // 20))


def paired(batches: list[list[str]]) -> list[list[tuple[str, str]]]:
    """Batches of (query, passage) pairs from batches of texts, with two queries in turn."""
    return [[(PROBES[i % 2], t) for i, t in enumerate(texts)] for texts in batches]


def check_scores(theirs: Any, ours: Any) -> None:
    """Compare log-odds. Raises ParityError beyond the tolerance."""
    import numpy as np

    worst = float(np.abs(theirs - ours).max())
    if not worst <= LOGIT * max(1.0, float(np.abs(theirs).max())):
        raise ParityError(f"its graph gives other scores than torch (by {worst:.2g})")


def check_vectors(theirs: Any, ours: Any) -> None:
    """Compare vectors, rows of length 1. Raises ParityError beyond the tolerance."""
    if theirs.shape != ours.shape:
        raise ParityError(
            f"its graph gives {ours.shape[0]} vectors where torch gives {theirs.shape[0]}"
        )
    lowest = float((theirs * ours).sum(axis=1).min())
    if not lowest >= COSINE:
        raise ParityError(f"its graph gives other vectors than torch (cosine {lowest:.6f})")
