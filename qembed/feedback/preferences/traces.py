"""Votes of agents' traces: of several that asked the same query, what the better ones used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qembed.feedback.interactions import Interaction
from qembed.feedback.preferences.answers import Vote, outcome
from qembed.feedback.preferences.options import PreferenceOptions
from qembed.feedback.preferences.signals import Grade, read_signals

SUCCESS = 0.5
"""Weight of what a success used over what only failures used."""
STEPS = 0.2
"""Weight of what the shorter of two successes used over what only the longer one used."""
REFORMULATED = 0.15
"""Weight of what the next search found useful over what a reformulated query showed."""
REFORMULATE = "reformulate"
"""Action of a query that was asked anew in other words, with nothing of its answer used."""


def used_documents(interaction: Interaction, options: PreferenceOptions) -> set[str]:
    """Documents that were read, cited or used otherwise."""
    signals = read_signals(interaction.events, options)
    return {d for d, s in signals.items() if s.grade >= Grade.CLICK}


def task_steps(interaction: Interaction) -> int | None:
    """Steps of the whole task, from its outcome's attributes; None where they are not told."""
    for event in reversed(interaction.events):
        steps = event.attributes.get("steps")
        if event.action in ("success", "failure") and isinstance(steps, int):
            return steps
    return None


def trace_votes(
    same_query: Sequence[Interaction], options: PreferenceOptions
) -> Iterator[tuple[Interaction, Vote]]:
    """Votes among agents' answers to one query group, each with the interaction that casts it.

    What a success used, over what failures used and no success did. What a success in the fewest steps used,
    over what only successes in more steps used.
    """
    told = [
        (i, outcome(i), used_documents(i, options))
        for i in same_query
        if i.kind == "agent" and not i.source
    ]
    successes = [(i, used) for i, success, used in told if success]
    failures = [used for _, success, used in told if success is False]
    if not successes:
        return
    helped = set().union(*(used for _, used in successes))
    misled = set().union(*failures) - helped
    for i, used in successes:
        for a in sorted(used):
            for b in sorted(misled):
                yield i, Vote(a, b, SUCCESS, "success over failure")
    counted = [(i, used, task_steps(i)) for i, used in successes]
    steps = [n for _, _, n in counted if n is not None]
    if not steps:
        return
    fewest = min(steps)
    short = [(i, used) for i, used, n in counted if n == fewest]
    of_short = set().union(*(used for _, used in short))
    longer = set().union(*(used for _, used, n in counted if n is not None and n > fewest))
    for i, used in short:
        for a in sorted(used):
            for b in sorted(longer - of_short):
                yield i, Vote(a, b, STEPS, "fewer steps")


def reformulation_votes(
    session: Sequence[Interaction], options: PreferenceOptions
) -> Iterator[tuple[Interaction, Vote]]:
    """Votes of one agent's session against answers that it gave up: query chains (Radlinski, Joachims 2005).

    For the query that was reformulated, what the next search with something used had, over what was shown.
    """
    ordered = sorted(session, key=lambda i: (i.query.time, i.query.query_id))
    for n, given_up in enumerate(ordered):
        if given_up.kind != "agent" or outcome(given_up) is False:
            continue
        if not any(e.action == REFORMULATE for e in given_up.events):
            continue
        shown = given_up.ranks()
        for later in ordered[n + 1 :]:
            used = used_documents(later, options)
            if used:
                for a in sorted(used - shown.keys()):
                    for b in shown:
                        yield given_up, Vote(a, b, REFORMULATED, "reformulated")
                break
            if not any(e.action == REFORMULATE for e in later.events):
                break
