"""Signals: what the events on a document of an answer say about it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.records import Event

VOTES_FOR = frozenset({"thumbs_up", "like", "upvote"})
VOTES_AGAINST = frozenset({"thumbs_down", "dislike", "downvote", "hide", "reject", "never"})
TAKEN_BACK = frozenset({"allow"})
"""Actions that take back the votes of the same client before."""
USES = frozenset(
    {"cite", "copy", "purchase", "add_to_cart", "save", "bookmark", "share", "download"}
)
CLICKS = frozenset({"click", "item_click", "open", "view", "watch", "read"})
DWELL = "dwell"


class Grade(IntEnum):
    """Grade of a document by what was done with it, in one answer."""

    AGAINST = -1
    BOUNCE = 0
    CLICK = 1
    USE = 2
    FOR = 3


@dataclass(frozen=True, slots=True)
class Signal:
    """Signal on a document. `reason`: the action that gave the grade. `weight`: trust, above 0, at most 1."""

    grade: Grade
    reason: str
    weight: float


def read_signals(events: Sequence[Event], options: PreferenceOptions) -> dict[str, Signal]:
    """Signal of each document that was acted on, by document id. `events` are ordered by time.

    The last vote on a document decides, whatever else was done with it. Else the strongest use decides; a
    visit of `long_dwell` seconds is one (30 s: Fox et al., ACM TOIS 2005), and a click with visits that were
    all shorter than `short_dwell` is a bounce. How long an agent takes says nothing, nor do events without
    an object or of another action.
    """
    by_document: dict[str, list[Event]] = {}
    for event in events:
        if event.object_id and event.weight > 0 and math.isfinite(event.weight):
            by_document.setdefault(event.object_id, []).append(event)
    found = {d: _signal(some, options) for d, some in by_document.items()}
    return {d: signal for d, signal in found.items() if signal is not None}


def _signal(events: Sequence[Event], options: PreferenceOptions) -> Signal | None:
    votes = [e for e in events if e.action in VOTES_FOR | VOTES_AGAINST | TAKEN_BACK]
    if votes and votes[-1].action not in TAKEN_BACK:
        last = votes[-1]
        grade = Grade.FOR if last.action in VOTES_FOR else Grade.AGAINST
        return Signal(grade, "vote", min(1.0, last.weight))
    visits = [
        e for e in events if e.client_kind != "agent" and e.seconds is not None and e.seconds >= 0
    ]
    uses = [(e.action, e.weight) for e in events if e.action in USES]
    uses += [(DWELL, e.weight) for e in visits if (e.seconds or 0.0) >= options.long_dwell]
    if uses:
        reason, weight = max(uses, key=lambda use: use[1])
        return Signal(Grade.USE, reason, min(1.0, weight))
    clicks = [e for e in events if e.action in CLICKS]
    if not clicks and not visits:
        return None
    # a visit is a click too: some interfaces send only the one or the other
    trust = min(1.0, max(e.weight for e in clicks or visits))
    if visits and all((e.seconds or 0.0) < options.short_dwell for e in visits):
        return Signal(Grade.BOUNCE, "bounce", trust)
    reason = "read" if clicks and all(e.action == "read" for e in clicks) else "click"
    return Signal(Grade.CLICK, reason, trust)
