"""Inputs that several tests share."""

from __future__ import annotations

import random
from collections.abc import Callable

STS_FILE = (
    "score\tsentence1\tsentence2\n"
    "5.0\tthe late parcel\tthe parcel, late\n"
    "0\ta red fox\tmoney back\r\n"
    "\n"
    '3\tquote " and fox\tred fox\n'
    "4\ta red fox\tred wine at night\n"
)


def random_case(
    rng: random.Random,
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Judgments and a run with ties, near ties, missing and strange queries, negative grades."""
    documents = [f"d{n}" for n in range(rng.choice([3, 12, 40]))]
    kinds: list[Callable[[], float]] = [
        lambda: rng.randrange(3) / 2,  # many ties
        lambda: 1 + rng.randrange(4) * 1e-9,  # ties as float32 only
        rng.random,
        lambda: rng.uniform(-1e4, 1e4),
    ]
    qrels, run = {}, {}
    for q in map(str, range(rng.randrange(1, 8))):
        judged = rng.sample(documents, rng.randrange(1, len(documents)))
        grades = rng.choice([(0, 1), (-2, -1, 0, 1, 2, 3), (0,), (-1, 0)])
        qrels[q] = {d: rng.choice(grades) for d in judged}
        # the binding itself is not safe for a query whose grades are all below -1
        qrels[q][judged[0]] = max(qrels[q][judged[0]], 0)
        if rng.random() < 0.8:
            score = rng.choice(kinds)
            found = rng.sample(documents, rng.randrange(1, len(documents) + 1))
            run[q] = {d: score() for d in found}
    run["strange"] = {"d0": 1.0}
    return qrels, run
