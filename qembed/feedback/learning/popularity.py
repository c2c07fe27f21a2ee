"""Popularity of documents for a query: how much more they were used than others in their place.

    popularity = (uses + A m) / (looked at + A) - m          m: of all documents together

Uses are counted once an answer; hits are looked at with the propensity of their rank. A document that is
used for one query is not popular for another.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable

from qembed.feedback.interactions import Interaction
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, read_signals
from qembed.feedback.propensity.estimate import Propensities

PRIOR = 5.0
"""A: looks that a document is taken to have had, with uses as all documents."""
MOST = 20
"""Documents kept for a query, those furthest from 0."""
LEAST = 0.01


def popularity(
    interactions: Iterable[Interaction],
    group: Callable[[str], str],
    options: PreferenceOptions,
    propensities: Propensities | None = None,
    *,
    votes_only: bool = False,
) -> dict[str, dict[str, float]]:
    """Popularity by query group and document, between -2 and 1; 0 for what is not in it.

    `interactions`: limited ones. A judge's do not count. `votes_only`: of persons, where their clicks follow
    position alone.
    """
    used: dict[tuple[str, str], float] = defaultdict(float)
    looked: dict[tuple[str, str], float] = defaultdict(float)
    for interaction in interactions:
        signals = read_signals(interaction.events, options)
        if interaction.source or not signals:
            continue
        person = interaction.kind == "person"
        name = group(interaction.query.text)
        for document, signal in signals.items():
            if person and votes_only and signal.reason != "vote":
                continue
            used[name, document] += (signal.grade >= Grade.CLICK) - (signal.grade == Grade.AGAINST)
        for document, rank in interaction.ranks().items():
            known = person and propensities is not None
            looked[name, document] += 1 / propensities.weight(rank) if known else 1.0  # type: ignore[union-attr]
    total = sum(looked.values())
    mean = max(0.0, sum(used.values()) / total) if total else 0.0
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for key in used.keys() | looked.keys():
        value = (used[key] + PRIOR * mean) / (looked[key] + PRIOR) - mean
        if abs(value) >= LEAST:
            found[key[0]][key[1]] = round(min(1.0, max(-2.0, value)), 4)
    return {
        name: dict(sorted(of.items(), key=lambda item: (-abs(item[1]), item[0]))[:MOST])
        for name, of in found.items()
    }
