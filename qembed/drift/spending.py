"""Level of a test that is made again and again: alpha spending over a cycle of looks.

A test at .05 each week alarms by chance in most years. Look k of a cycle of LOOKS has the level

    alpha_k = alpha * (2^-k / 2 + 1 / (2 * LOOKS))

The levels of a cycle sum to at most alpha, so that the chance of any false alarm in it is at most alpha,
however the looks depend on one another. Half of alpha goes to the first looks, half to all of them alike.
"""

from __future__ import annotations

LOOKS = 50
"""Looks of a cycle; after them a new one begins, with a new result to compare with."""


def level_share(look: int) -> float:
    """Share of alpha that look `look` of a cycle may spend, from 1 on."""
    return 2.0**-look / 2 + 1 / (2 * LOOKS)


def spent_p(p: float, look: int) -> float:
    """p of a look, corrected for the other looks of its cycle: at most alpha if p is at most alpha_k."""
    return min(1.0, p / level_share(look))
