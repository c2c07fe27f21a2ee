"""Exchange of neighbours at random, from whose clicks propensities are estimated: see `swaps`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


def exchanged_ranks(hits: int, seed: str) -> list[int]:
    """Ranks i, from 1, whose hit is exchanged with the one at i + 1, rising; of an answer of so many hits.

    FairPairs (Radlinski and Joachims, AAAI 2006): a coin decides whether the pairs begin at rank 1 or 2,
    and for each pair another one whether it is exchanged. So no hit moves by more than one rank, and of two
    neighbours each stands first as often. `seed`: the same one gives the same ranks.
    """
    rng = Random(seed)
    first = 1 + (rng.random() < 0.5)
    return [i for i in range(first, hits, 2) if rng.random() < 0.5]


def exchange(hits: Sequence[T], ranks: Iterable[int]) -> list[T]:
    """The hits, those at each of the ranks, from 1, and at the next one exchanged."""
    found = list(hits)
    for i in ranks:
        found[i - 1], found[i] = found[i], found[i - 1]
    return found
