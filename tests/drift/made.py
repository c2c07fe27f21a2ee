"""Samples with made vectors and terms: subjects as clusters on a sphere, with words of their own."""

from __future__ import annotations

import numpy as np

from qembed.drift.sample import Sample

DIM = 32


def corpus(subjects: list[int], seed: int = 0, passages: int = 1, spread: float = 1.0) -> Sample:
    """Documents of the given subjects, a number for each. Subjects are the same for every seed.

    `passages`: of each document, which resemble one another.
    """
    rng = np.random.default_rng(seed)
    vectors, terms = [], []
    for subject in subjects:
        own = np.random.default_rng(10_000 + subject).normal(size=DIM)
        own /= np.linalg.norm(own)
        about = own + rng.normal(size=DIM) * spread / np.sqrt(DIM)
        for _ in range(passages):
            v = about + 0.3 * rng.normal(size=DIM) * spread / np.sqrt(DIM)
            vectors.append(v / np.linalg.norm(v))
            common = rng.geometric(0.02, size=12).astype(np.uint32)
            special = (100_000 + 100 * subject + rng.integers(0, 20, size=4)).astype(np.uint32)
            terms.append(np.unique(np.concatenate([common, special])))
    n = len(vectors)
    words = rng.integers(20, 60, size=n).astype(np.int64)
    pieces = words + rng.binomial(words, 0.2)
    return Sample(
        np.array(vectors, dtype=np.float32),
        np.repeat(np.arange(len(subjects)), passages),
        words,
        pieces.astype(np.int64),
        np.zeros(n, dtype=np.int64),
        terms,
        [{"Latin": (int(w), 0)} for w in words],
    )


def mixed(n: int, seed: int, subjects: int = 20) -> list[int]:
    """Subjects of n documents, drawn from `subjects` of them, some more frequent than others."""
    rng = np.random.default_rng(1000 + seed)
    weights = 1 / np.arange(1, subjects + 1)
    return rng.choice(subjects, n, p=weights / weights.sum()).tolist()
