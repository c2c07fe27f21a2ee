"""A made-up task for rerankers: which text answers depends on the query, and how well on one more word."""

from __future__ import annotations

import itertools
import random

from qembed.training.reranker.examples import GradedTexts

ASKED = {"fox": "vector", "mars": "harbour", "token": "quick"}
"""A query's word, and the word of the texts that answer it."""
BETTER = "passage"
"""Word of the texts that answer best."""
FILLERS = ["dog", "lazy", "planet", "red", "pool", "rains", "states", "jumps", "brown"]


def examples(n: int, seed: int = 0) -> list[GradedTexts]:
    """Queries with five texts each: grades 2, 1, 0, 0, 0."""
    rng = random.Random(seed)
    found = []
    for i, word in zip(range(n), itertools.cycle(ASKED), strict=False):
        others = [w for w in ASKED.values() if w != ASKED[word]]
        texts = [
            f"{ASKED[word]} {BETTER}",
            ASKED[word],
            f"{others[0]} {BETTER}",
            others[1],
            "brown",
        ]
        texts = [f"{t} {rng.choice(FILLERS)} {rng.choice(FILLERS)}" for t in texts]
        filler = " ".join(rng.sample(FILLERS, 2))
        names = tuple(f"{i}-{n}" for n in range(5))
        found.append(
            GradedTexts(f"q{i}", f"{word} {filler}", names, tuple(texts), (2.0, 1.0, 0.0, 0.0, 0.0))
        )
    return found
