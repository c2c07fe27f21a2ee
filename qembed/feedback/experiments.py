"""Experiments of a log: answers that two rankings share, and which of them did better.

Such an answer says so in its settings:

    "interleaved": {"a": "bge-small", "b": "bge-small+rerank", "teams": "ABBA"}

"teams" has a letter for each hit shown, in order: the ranking that picked it (see `interleaving`). In a query
that came from UBI it stands among its `query_attributes`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.feedback.interactions import Interaction
from qembed.feedback.interleaving import (
    Comparison,
    Outcome,
    Team,
    compare_teams,
    credited,
    unit_outcome,
)
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, read_signals

SETTING = "interleaved"


@dataclass(frozen=True, slots=True)
class Experiment:
    """Two rankings, by name, and their comparison over sessions of one kind of client.

    `last`: time of the last answer, in seconds since 1970.
    """

    a: str
    b: str
    kind: str
    answers: int
    comparison: Comparison
    last: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        return {
            "names": {"a": self.a, "b": self.b},
            "kind": self.kind,
            "answers": self.answers,
            **self.comparison.to_json(),
        }


def find_experiments(
    interactions: Sequence[Interaction], options: PreferenceOptions
) -> list[Experiment]:
    """Compare what was interleaved, by the two names and the kind of client.

    The unit is a session, else a client, else an answer: clicks of one session are not independent. A credit
    is a hit that was clicked, used or voted for; a bounce and a vote against are none.
    """
    credits: dict[tuple[str, str, str], dict[tuple[str, str], int]] = defaultdict(dict)
    answers: dict[tuple[str, str, str], int] = defaultdict(int)
    last: dict[tuple[str, str, str], float] = {}
    for interaction in sorted(interactions, key=lambda i: (i.query.time, i.query.query_id)):
        found = read_teams(interaction)
        if found is None or interaction.source:
            continue
        a, b, teams = found
        query = interaction.query
        unit = (
            query.client_id or "",
            query.session_id or ("" if query.client_id else query.query_id),
        )
        signals = read_signals(interaction.events, options)
        liked = [d for d, s in signals.items() if s.grade >= Grade.CLICK]
        of_unit = credits[a, b, interaction.kind]
        of_unit[unit] = of_unit.get(unit, 0) + credited(teams, liked)
        answers[a, b, interaction.kind] += 1
        last[a, b, interaction.kind] = query.time
    compared = []
    for (a, b, kind), units in credits.items():
        outcomes: list[Outcome] = [unit_outcome(credit) for credit in units.values()]
        compared.append(
            Experiment(
                a,
                b,
                kind,
                answers[a, b, kind],
                compare_teams(outcomes, options.alpha),
                last[a, b, kind],
            )
        )
    return compared


def read_teams(interaction: Interaction) -> tuple[str, str, Mapping[str, Team]] | None:
    """Names of the two rankings, and the team of each document; None of an answer that is no such."""
    settings = interaction.query.settings
    value = settings.get(SETTING)
    attributes = settings.get("query_attributes")
    if value is None and isinstance(attributes, Mapping):
        value = attributes.get(SETTING)
    if not isinstance(value, Mapping):
        return None
    a, b, teams = (value.get(key) for key in ("a", "b", "teams"))
    shown = sorted(interaction.query.shown, key=lambda h: h.rank)
    if not (isinstance(a, str) and isinstance(b, str) and isinstance(teams, str)):
        return None
    if len(teams) != len(shown) or not set(teams) <= {"A", "B"}:
        return None
    found: dict[str, Team] = {}
    for hit, letter in zip(shown, teams, strict=True):
        found.setdefault(hit.id, "A" if letter == "A" else "B")
    return a, b, found
