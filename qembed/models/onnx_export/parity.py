"""Whether a graph gives torch's numbers: what it is asked, and how far it may be off."""

from __future__ import annotations

from typing import Any

COSINE = 0.99999
"""What the graph's vectors must reach against torch's."""
LOGIT = 1e-3
"""How far a score may be from torch's, of the largest of a batch if that is above 1.

It moves a probability by a quarter of that at most. Sums in another order differ by 1e-5 through 28 layers, a
wrong mask, position or rounding to half precision by 1e-2 and more.
"""
LONGEST_PROBE = 300
"""Tokens in the longest probe: past every window and every length the graph was traced with."""
PROBES = (
    "parcel",
    "Where is my parcel, and when will it arrive?",
    "The quick brown fox jumps over the lazy dog. It rains in the harbour, and nobody minds.",
    "火星是红色的行星。 Über Größe.",
    "def retry(times: int) -> None:\n    for n in range(times):\n        wait(2 ** n)",
)


class ParityError(Exception):
    """The graph gives other numbers than torch."""


def shapes() -> list[list[str]]:
    """Batches of one, of equal and of mixed lengths, of many, and one that is long."""
    return [*([p] for p in PROBES), [PROBES[0]] * 3, list(PROBES), [PROBES[0], long_text()]]


def long_text() -> str:
    """Of more than LONG tokens."""
    return " ".join(PROBES[1:3] * (LONGEST_PROBE // 20))


def paired(batches: list[list[str]]) -> list[list[tuple[str, str]]]:
    """The same as pairs, two queries in turn."""
    return [[(PROBES[i % 2], t) for i, t in enumerate(texts)] for texts in batches]


def check_scores(theirs: Any, ours: Any) -> None:
    """Raises Disagrees for log-odds that are too far off."""
    import numpy as np

    worst = float(np.abs(theirs - ours).max())
    if not worst <= LOGIT * max(1.0, float(np.abs(theirs).max())):
        raise ParityError(f"its graph gives other scores than torch (by {worst:.2g})")


def check_vectors(theirs: Any, ours: Any) -> None:
    """Raises Disagrees for vectors that are too far off. Rows have length 1."""
    if theirs.shape != ours.shape:
        raise ParityError(
            f"its graph gives {ours.shape[0]} vectors where torch gives {theirs.shape[0]}"
        )
    lowest = float((theirs * ours).sum(axis=1).min())
    if not lowest >= COSINE:
        raise ParityError(f"its graph gives other vectors than torch (cosine {lowest:.6f})")
