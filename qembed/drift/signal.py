"""Signals: what each test found, with the size of its effect, its p-value and what a person can check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qembed.drift.permutation import holm

ALPHA = 0.05
STRENGTHS = ("none", "small", "medium", "large")
EFFECTS: Mapping[str, tuple[float, float, float]] = {
    "fragments": (0.05, 0.15, 0.30),
    "unread": (0.01, 0.05, 0.20),
    "terms": (0.05, 0.15, 0.30),
    "centroid": (0.10, 0.20, 0.40),
    "energy": (0.01, 0.04, 0.15),
    "outside": (0.02, 0.05, 0.15),
    "subjects": (0.02, 0.10, 0.30),
    "queries": (0.03, 0.10, 0.20),
    "gaps": (0.05, 0.15, 0.30),
    "made": (0.05, 0.10, 0.20),
    "golden": (0.0, 0.02, 0.05),
}
"""Effects from which on a signal is small, medium and large, by the name of its test."""
KINDS: Mapping[str, str] = {
    "fragments": "words",
    "unread": "words",
    "terms": "words",
    "centroid": "distribution",
    "energy": "distribution",
    "outside": "distribution",
    "subjects": "subjects",
    "queries": "queries",
    "gaps": "queries",
    "made": "performance",
    "golden": "performance",
}


@dataclass(frozen=True, slots=True)
class Signal:
    """Result of one test. `effect`: in the unit that EFFECTS has; `said`: it in words.

    `p`: of the test alone; `adjusted`: for all signals of a comparison together (Holm). `evidence`: JSON
    values, the most telling first.
    """

    name: str
    effect: float
    p: float
    said: str
    evidence: Sequence[Mapping[str, Any]] = ()
    adjusted: float = 1.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """Kind of signal: words, distribution, subjects, queries or performance."""
        return KINDS[self.name]

    @property
    def alarm(self) -> bool:
        """True if chance does not explain the effect, all signals considered."""
        return self.adjusted <= ALPHA

    @property
    def strength(self) -> str:
        """Size of the effect in words, one of STRENGTHS; "none" without an alarm."""
        if not self.alarm:
            return STRENGTHS[0]
        return STRENGTHS[sum(self.effect >= limit for limit in EFFECTS[self.name])]

    def at_least(self, strength: str) -> bool:
        """True for an alarm whose effect is of this strength or stronger."""
        return self.alarm and STRENGTHS.index(self.strength) >= STRENGTHS.index(strength)

    def to_json(self) -> dict[str, Any]:
        """Fields as JSON values."""
        return {
            "name": self.name,
            "kind": self.kind,
            "effect": round(self.effect, 4),
            "p": round(self.p, 6),
            "adjusted_p": round(self.adjusted, 6),
            "alarm": self.alarm,
            "strength": self.strength,
            "said": self.said,
            "evidence": list(self.evidence),
            **self.details,
        }


def adjust(signals: Sequence[Signal]) -> list[Signal]:
    """Correct the p-values of signals for their number."""
    adjusted = holm({s.name: s.p for s in signals})
    return [replace(s, adjusted=adjusted[s.name]) for s in signals]
