"""Choices of how preferences are read from a log."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qembed.errors import UsageError
from qembed.feedback.records import CLIENT_KINDS, ClientKind


@dataclass(frozen=True, slots=True)
class PreferenceOptions:
    """Rules and limits.

    `kinds`: clients whose events count; tests never do unless they are named. `next_below`: a click is also
    a preference over the hit just below (Joachims 2002), where no propensities correct for position.
    `long_dwell`, `short_dwell`: seconds of a satisfied visit, and below which one is a bounce.
    `per_query`: answers of one client to one query that count. `share`: of all weight, most that one client
    may have; with few clients twice its even share. `robot`: times that one client asks one query from which
    on it is a robot. `judge`: weight of a language model's vote. `alpha`: level of the test whether clicks
    follow the documents. `seed`: of that test.
    """

    kinds: tuple[ClientKind, ...] = ("person", "agent")
    next_below: bool = False
    long_dwell: float = 30.0
    short_dwell: float = 5.0
    per_query: int = 3
    share: float = 0.1
    robot: int = 100
    judge: float = 0.3
    alpha: float = 0.05
    seed: int = 0

    def check(self) -> None:
        """Raise UsageError for choices out of range."""
        if not self.kinds or not set(self.kinds) <= set(CLIENT_KINDS):
            raise UsageError(f"kinds of clients: one or more of {', '.join(CLIENT_KINDS)}")
        if not 0 <= self.short_dwell <= self.long_dwell < math.inf:
            raise UsageError(
                f"seconds of a visit: 0 ≤ short ({self.short_dwell:g}) ≤ long ({self.long_dwell:g})"
            )
        if self.per_query < 1:
            raise UsageError(f"answers of a client that count: {self.per_query}, at least 1")
        if not 0 < self.share <= 1:
            raise UsageError(f"share of one client: {self.share:g}, above 0 and at most 1")
        if self.robot < 2:
            raise UsageError(f"times that make a robot: {self.robot}, at least 2")
        if not 0 <= self.judge <= 1:
            raise UsageError(f"weight of a judge: {self.judge:g}, from 0 to 1")
        if not 0 < self.alpha < 1:
            raise UsageError(f"alpha: {self.alpha:g}, between 0 and 1")
