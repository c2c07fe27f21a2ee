"""Votes of one answer: documents that were acted on, over those that were passed over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qembed.feedback.interactions import Interaction
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, Signal
from qembed.feedback.propensity.estimate import Propensities

STRENGTH: Mapping[str, float] = {"vote": 1.0, "cite": 0.8, "dwell": 0.7, "read": 0.3, "click": 0.4}
"""Weight of a preference by what was done with the better document; of another use USE_STRENGTH."""
USE_STRENGTH = 0.7
NEXT_BELOW = 0.5
"""Factor for a click over the hit just below, which may not have been looked at."""
AGAINST = 0.25
"""Weight of a hit that nobody acted on over one that was voted against."""
UNKNOWN_OUTCOME = 0.5
"""Factor for what an agent used in a task whose outcome is not known."""


@dataclass(frozen=True, slots=True)
class Vote:
    """Preference of one answer: the document `preferred` over `rejected`."""

    preferred: str
    rejected: str
    weight: float
    reason: str


def strength(reason: str) -> float:
    """Weight of a preference whose better document was acted on in this way."""
    return STRENGTH.get(reason, USE_STRENGTH)


def outcome(interaction: Interaction) -> bool | None:
    """Return whether the task succeeded: the last of "success" and "failure", None where neither is told."""
    told = [e.action for e in interaction.events if e.action in ("success", "failure")]
    return told[-1] == "success" if told else None


def answer_votes(
    interaction: Interaction,
    signals: Mapping[str, Signal],
    options: PreferenceOptions,
    propensities: Propensities | None = None,
) -> list[Vote]:
    """Votes of one answer, at most one for each two of its documents.

    Both documents acted on: the higher grade. Else one acted on, one shown only:

    - a person, without propensities: over hits above, which were skipped, and with `next_below` over the one
      just below (Joachims 2002);
    - a person, with propensities: over all hits shown, by the inverse propensity of its rank (Joachims,
      Swaminathan and Schnabel 2017). Of two clicked ones the lower rank has the larger weight: summed over
      answers, clicks that follow position alone prefer nothing;
    - an agent: over all hits shown, it was given all of them at once. What it used for a task that failed is
      no vote, for one of unknown outcome half a vote.

    A hit that was voted against loses, mildly, to those that nobody acted on. A judge's votes stand against
    one another only: what it was not asked about is not worse.
    """
    factor = 1.0
    if (
        interaction.kind == "agent" and not interaction.source
    ):  # a judge sees the hits, not the task
        success = outcome(interaction)
        if success is False:
            signals = {d: s for d, s in signals.items() if s.reason == "vote"}
        elif success is None:
            factor = UNKNOWN_OUTCOME
    if all(s.grade == Grade.BOUNCE for s in signals.values()):
        return []
    ranks = interaction.ranks()
    passed_over = {} if interaction.source else {d: r for d, r in ranks.items() if d not in signals}
    corrected = propensities if interaction.kind == "person" and not interaction.source else None
    found: list[Vote] = []
    for a, signal in signals.items():
        if signal.grade == Grade.AGAINST:
            weight = AGAINST * signal.weight
            found += [Vote(b, a, weight, "unused over vote against") for b in passed_over]
        if signal.grade < Grade.CLICK:
            continue
        base = factor * signal.weight * strength(signal.reason)
        rank = ranks.get(a)
        inverse = corrected.weight(rank) if corrected is not None and rank is not None else 1.0
        for b, other in signals.items():
            if other.grade < signal.grade:
                found.append(Vote(a, b, base * min(1.0, other.weight), signal.reason))
            elif other.grade == signal.grade and corrected is not None and b != a:
                lead = inverse - corrected.weight(ranks[b]) if b in ranks else 0.0
                if lead > 0:
                    found.append(Vote(a, b, base * lead, f"{signal.reason} over one above"))
        for b, below in passed_over.items():
            if interaction.kind == "agent":
                found.append(Vote(a, b, base, f"{signal.reason} over unused"))
            elif rank is None:
                continue
            elif below < rank:
                found.append(Vote(a, b, base * inverse, f"{signal.reason} over skipped"))
            elif corrected is not None:
                found.append(Vote(a, b, base * inverse, f"{signal.reason} over unused below"))
            elif options.next_below and below == rank + 1:
                found.append(Vote(a, b, base * NEXT_BELOW, f"{signal.reason} over next below"))
    return found
