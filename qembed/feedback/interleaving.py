"""Interleaving: two rankings in one answer, and which of them the clicks are for.

Team draft (Radlinski, Kurup and Joachims, CIKM 2008): both rankings pick in turns, a coin decides who picks
first in each round, and a click is a credit to the one that picked the document. Each unit (a session, say)
is a win of one or a tie; wins are compared by the exact sign test.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import NormalDist
from typing import Any, Generic, Literal, TypeVar

Team = Literal["A", "B"]
T = TypeVar("T", bound=Hashable)
Outcome = Literal["A", "B", "tie"]

ALPHA = 0.05
POWER = 0.8


@dataclass(frozen=True, slots=True)
class Interleaved(Generic[T]):
    """Documents of two rankings in one, and for each the ranking that picked it."""

    ids: tuple[T, ...]
    teams: tuple[Team, ...]

    def team_of(self) -> dict[T, Team]:
        """Team of each document."""
        return dict(zip(self.ids, self.teams, strict=True))


def team_draft(
    a: Sequence[T], b: Sequence[T], count: int | None = None, seed: int | str = 0
) -> Interleaved[T]:
    """Interleave two rankings. `count`: documents of the result, all by default.

    `seed`: the same one gives the same draft, such as one made of query and client: who looks again sees no
    other order.
    """
    rng = Random(seed)
    wanted = len({*a, *b}) if count is None else min(count, len({*a, *b}))
    ids: list[T] = []
    teams: list[Team] = []
    taken: set[T] = set()
    left: dict[Team, list[T]] = {"A": list(reversed(a)), "B": list(reversed(b))}
    picks: dict[Team, int] = {"A": 0, "B": 0}
    while len(ids) < wanted:
        for ranking in left.values():
            while ranking and ranking[-1] in taken:
                ranking.pop()
        team: Team
        if picks["A"] == picks["B"]:
            team = "A" if rng.random() < 0.5 else "B"
        else:
            team = "A" if picks["A"] < picks["B"] else "B"
        if not left[team]:
            team = "B" if team == "A" else "A"
        document = left[team].pop()
        taken.add(document)
        ids.append(document)
        teams.append(team)
        picks[team] += 1
    return Interleaved(tuple(ids), tuple(teams))


def credited(teams: Mapping[str, Team], clicked: Iterable[str]) -> int:
    """Credit of one answer: documents clicked that A picked, less those that B picked."""
    found = [teams[d] for d in set(clicked) if d in teams]
    return found.count("A") - found.count("B")


def unit_outcome(credit: int) -> Outcome:
    """Outcome of a unit by its summed credit."""
    return "tie" if credit == 0 else "A" if credit > 0 else "B"


def sign_test(wins: int, losses: int) -> float:
    """Two-sided p of the exact sign test: of wins and losses equally likely. 1 without any.

    Raises ValueError for negative numbers.
    """
    if wins < 0 or losses < 0:
        raise ValueError("wins and losses are not negative")
    if wins == losses:
        return 1.0
    from scipy.special import bdtr

    return float(min(1.0, 2 * bdtr(min(wins, losses), wins + losses, 0.5)))


def anytime_p(outcomes: Iterable[Outcome]) -> float:
    """p that holds however often one looks, of outcomes in the order in which they came.

    Smallest inverse, so far, of the likelihood of the outcomes under a share of wins uniform on [0, 1] over
    that under one half: a test martingale, so that under no difference it ever falls to alpha with
    probability alpha at most (Ville 1939).
    """
    wins = losses = 0
    log_best = 0.0
    for outcome in outcomes:
        wins += outcome == "A"
        losses += outcome == "B"
        n = wins + losses
        evidence = (
            math.lgamma(wins + 1) + math.lgamma(losses + 1) - math.lgamma(n + 2) + n * math.log(2)
        )
        log_best = max(log_best, evidence)
    return math.exp(-log_best)


def decisive_needed(share: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """Fewest wins and losses together with which the sign test shows that A wins this share of them.

    By the exact power of the exact test, from where on it stays at `power`; None for a half.
    """
    gap = abs(share - 0.5)
    if gap < 1e-6:
        return None
    from scipy.special import bdtr, bdtrik

    better = 0.5 + gap
    normal = NormalDist()
    spread = math.sqrt(better * (1 - better))
    about = ((normal.inv_cdf(1 - alpha / 2) * 0.5 + normal.inv_cdf(power) * spread) / gap) ** 2
    if about > 1e8:
        return math.ceil(about)
    n = max(1, int(about * 0.8) - 10)
    stays = 0
    while stays < 12:  # the exact power goes up and down with n
        # most losses with which the test is significant
        most = math.floor(bdtrik(alpha / 2, n, 0.5)) if bdtr(0, n, 0.5) <= alpha / 2 else -1
        while most >= 0 and bdtr(most, n, 0.5) > alpha / 2:
            most -= 1
        reached = most >= 0 and bdtr(most, n, 1 - better) >= power
        stays = stays + 1 if reached else 0
        n += 1
    return n - stays


@dataclass(frozen=True, slots=True)
class Comparison:
    """Units won by A, by B, and ties.

    `p`: of the exact sign test, for one look at a number of units chosen before. `anytime_p`: however often
    one looks. `share`: of wins that are A's, ties left out; None without any. `needed`: units that would
    show this share, ties counted, 4 times in 5; None for a half.
    """

    a: int
    b: int
    ties: int
    p: float
    anytime_p: float
    share: float | None
    needed: int | None

    @property
    def units(self) -> int:
        """Number of units."""
        return self.a + self.b + self.ties

    @property
    def still_needed(self) -> int | None:
        """Units that are missing to `needed`."""
        return None if self.needed is None else max(0, self.needed - self.units)

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return {
            "a": self.a,
            "b": self.b,
            "ties": self.ties,
            "p": self.p,
            "anytime_p": self.anytime_p,
            "share": self.share,
            "needed": self.needed,
            "still_needed": self.still_needed,
        }


def compare_teams(outcomes: Sequence[Outcome], alpha: float = ALPHA) -> Comparison:
    """Compare two rankings by the outcomes of their units, in the order in which they came."""
    a, b = outcomes.count("A"), outcomes.count("B")
    decisive = a + b
    share = a / decisive if decisive else None
    needed = None if share is None else decisive_needed(share, alpha)
    if needed is not None:
        needed = math.ceil(needed * len(outcomes) / decisive)
    return Comparison(
        a,
        b,
        len(outcomes) - decisive,
        sign_test(a, b),
        anytime_p(outcomes),
        share,
        needed,
    )
