"""Division of pairs: to train on, to stop by, to judge by. What belongs together stays together.

Pairs belong together that share a group, a text, a picture's file or its pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from qembed.errors import InputError, UsageError
from qembed.training.dual.pairs import PARTS, Pair, Part, Pictures

FEWEST = 5
"""Fewest groups in each part: with fewer nothing can be told from chance."""
DEV_SHARE = 0.1


class PairSplit(NamedTuple):
    """Pairs by use, as positions. `component`: number of what each pair belongs to."""

    train: list[int]
    dev: list[int]
    test: list[int]
    component: list[int]


def split_pairs(
    path: Path, pairs: Sequence[Pair], pictures: Pictures, share: float, seed: int
) -> PairSplit:
    """Divide the pairs: as their lines say, else about `share` to judge by and DEV_SHARE to stop by.

    Raises InputError for lines that divide what belongs together and for too few groups, UsageError for a
    share that is none.
    """
    import numpy as np

    component = _components(pairs, pictures)
    if pairs[0].part is not None:
        _check_whole(path, pairs, component)
        parts = [p.part for p in pairs]
    else:
        if not 0 < share < 0.5:
            raise UsageError(f"--held-out {share:g}: above 0 and below 0.5")
        order = np.random.default_rng(seed).permutation(max(component) + 1).tolist()
        sizes = np.bincount(component)
        use: dict[int, Part] = {}
        for part, wanted in (("test", share), ("dev", DEV_SHARE)):
            held = 0
            while order and (held < wanted * len(pairs) or _count(use, part) < FEWEST):
                number = order.pop()
                if held and held + sizes[number] > wanted * len(pairs) + FEWEST:
                    use[number] = "train"  # too large to hold out
                    continue
                use[number] = part  # type: ignore[assignment]
                held += int(sizes[number])
        parts = [use.get(number, "train") for number in component]
    found = {part: [i for i, p in enumerate(parts) if p == part] for part in PARTS}
    for part, members in found.items():
        groups = len({component[i] for i in members})
        if groups < FEWEST:
            raise InputError(
                f"{path}: {groups} groups of pairs to {_USES[part]} ({part}), {FEWEST} are the least "
                "(pairs that share a group, a text or a picture are one)"
            )
    return PairSplit(found["train"], found["dev"], found["test"], component)


_USES = {"train": "train on", "dev": "stop by", "test": "judge by"}


def _count(use: dict[int, Part], part: str) -> int:
    return sum(1 for p in use.values() if p == part)


def _components(pairs: Sequence[Pair], pictures: Pictures) -> list[int]:
    """Number of the component of each pair, from 0, in the order of the pairs."""
    parent = list(range(len(pairs)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    seen: dict[tuple[str, object], int] = {}
    for i, pair in enumerate(pairs):
        row = int(pictures.rows[i])
        keys: list[tuple[str, object]] = [
            ("text", pair.text),
            ("file", row),
            ("pixels", pictures.digests[row]),
        ]
        if pair.group:
            keys.append(("group", pair.group))
        for key in keys:
            parent[root(i)] = root(seen.setdefault(key, i))
    numbers: dict[int, int] = {}
    return [numbers.setdefault(root(i), len(numbers)) for i in range(len(pairs))]


def _check_whole(path: Path, pairs: Sequence[Pair], component: Sequence[int]) -> None:
    """Raise InputError for components that the lines divide."""
    first: dict[int, Pair] = {}
    problems = []
    for pair, number in zip(pairs, component, strict=True):
        other = first.setdefault(number, pair)
        if other.part != pair.part:
            problems.append(
                f"{path}:{pair.line}: in {pair.part}, but line {other.line} is in {other.part}, and they "
                "share a group, a text or a picture"
            )
    if problems:
        raise InputError(f"{path} holds mistakes:", problems)
