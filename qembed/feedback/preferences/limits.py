"""Limits: robots are cut, and no client has more say than its share."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from qembed.feedback.interactions import NO_CLIENT, Interaction
from qembed.feedback.preferences.options import PreferenceOptions


@dataclass(frozen=True, slots=True)
class Limited:
    """Interactions that count. `robots`: clients that were cut for a query; `robot_answers`: their answers.

    `capped`: answers beyond `per_query` of one client to one query.
    """

    interactions: list[Interaction]
    robots: int
    robot_answers: int
    capped: int


def limit_interactions(
    interactions: Sequence[Interaction],
    group: Callable[[str], str],
    has_signal: Callable[[Interaction], bool],
    options: PreferenceOptions,
) -> Limited:
    """Cut a client's answers to a query that it asked `robot` times or more, and cap those of the others.

    Answers without a signal do not count against the cap; they stay, for what was passed over tells about
    positions. Clients without a name are many: they are capped as one, but no robot.
    """
    asked: Counter[tuple[str, str]] = Counter()
    ids: set[str] = set()
    for interaction in interactions:
        if interaction.query.query_id not in ids:
            ids.add(interaction.query.query_id)
            asked[interaction.client, group(interaction.query.text)] += 1
    robots = {key for key, times in asked.items() if times >= options.robot and key[0] != NO_CLIENT}
    kept: list[Interaction] = []
    used: Counter[tuple[str, str, str, str]] = Counter()
    cut = capped = 0
    for interaction in sorted(interactions, key=lambda i: (i.query.time, i.query.query_id)):
        key = interaction.client, group(interaction.query.text)
        if key in robots:
            cut += 1
            continue
        if has_signal(interaction):
            of_kind = (*key, interaction.kind, interaction.source)
            used[of_kind] += 1
            if used[of_kind] > options.per_query:
                capped += 1
                continue
        kept.append(interaction)
    return Limited(kept, len({client for client, _ in robots}), cut, capped)


def client_factors(weights: Mapping[str, float], share: float) -> dict[str, float]:
    """Factor for each client's weight, at most 1, so that none has more than its share of what is left.

    With n clients the share is at least 2 / n: nobody has more than twice the even share, and one or two
    clients are not limited at all. Raises ValueError for a negative weight.
    """
    if any(w < 0 for w in weights.values()):
        raise ValueError("weights are not negative")
    present = sorted((w for w in weights.values() if w > 0), reverse=True)
    bound = max(share, 2 / len(present)) if present else 1.0
    if bound >= 1:
        return dict.fromkeys(weights, 1.0)
    # the k largest are cut to c, with c = bound · (k c + rest)
    rests = [*accumulate(reversed(present), initial=0.0)][::-1]
    limit = math.inf
    for k, weight in enumerate(present):
        if weight <= bound * (k * weight + rests[k]) or bound * (k + 1) >= 1:
            break
        limit = bound * rests[k + 1] / (1 - bound * (k + 1))
    return {c: min(1.0, limit / w) if w > 0 else 1.0 for c, w in weights.items()}


def by_group(
    interactions: Sequence[Interaction], group: Callable[[str], str]
) -> dict[str, list[Interaction]]:
    """Interactions of each query group, in the order given."""
    found: dict[str, list[Interaction]] = defaultdict(list)
    for interaction in interactions:
        found[group(interaction.query.text)].append(interaction)
    return found
