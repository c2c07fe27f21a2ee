"""Chances of false alarms and of alarms, on real collections: by hand, as it takes minutes.

    python -m tests.drift.calibration INDEX ... [--comparisons 100] [--power 50]

INDEX: folders of indexes that qembed made. Two samples of one collection's documents, without one in common,
are compared again and again, with 100 to 5,000 documents a side, or half of the collection: each test should
alarm in .05 of these, and the verdict should not say "update". For the power, the documents of one k-means
cluster are held out of both sides, and some of the new side are exchanged for documents of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qembed.drift.compare import Comparison, compare
from qembed.drift.sample import MOST_DOCUMENTS, MOST_PASSAGES, Sample
from qembed.drift.signal import Signal, adjust
from qembed.drift.verdict import Situation, judge
from qembed.pipeline.drift.side import make_sample
from qembed.pipeline.retrieval.loaded_model import LoadedModel
from qembed.pipeline.text_profile.text_facts import TextCounter, TextFacts
from qembed.store import Snapshot
from qembed.store.vector_files.stored_vectors import fetch_vectors, read_vectors
from tests.bench.table import fact

SIZES = (100, 300, 1000, 5000)
SUBJECT_N = 300
CLUSTERS = 20


class Collection:
    """Documents of an index: vectors, counts and documents of their first passages."""

    def __init__(self, root: Path) -> None:
        self.name = root.parent.name if root.name == ".qembed" else root.name
        with Snapshot.open(root) as snapshot:
            first, counts = snapshot.catalog.pointers()
            starts = [
                (int(f) + i, d)
                for d, (f, n) in enumerate(zip(first, counts, strict=True))
                for i in range(min(int(n), MOST_PASSAGES))
            ]
            rows = np.array([r for r, _ in starts])
            self.document = np.array([d for _, d in starts])
            self.vectors = read_vectors(fetch_vectors(snapshot), rows)
            tokenizer = LoadedModel(snapshot.manifest).model.tokenizer()
            texts = [p.text for p in snapshot.passages(rows)]
        self.facts: list[TextFacts] = TextCounter(tokenizer).count(texts)
        self.documents = np.unique(self.document)

    def sample(self, documents: Sequence[int]) -> Sample:
        """Sample of some documents, MOST_DOCUMENTS of them at most."""
        chosen = documents[:MOST_DOCUMENTS]
        at = np.concatenate([np.flatnonzero(self.document == d) for d in chosen])
        unit = np.repeat(np.arange(len(chosen)), [int((self.document == d).sum()) for d in chosen])
        return make_sample(self.vectors[at], unit, [self.facts[i] for i in at])

    def clusters(self, rng: np.random.Generator) -> np.ndarray:
        """Cluster of each document, by its first passage."""
        firsts = self.vectors[np.searchsorted(self.document, self.documents)]
        centres = firsts[rng.choice(len(firsts), CLUSTERS, replace=False)]
        for _ in range(15):
            own = (firsts @ centres.T).argmax(axis=1)
            sums = np.array([firsts[own == c].sum(axis=0) + 1e-9 for c in range(CLUSTERS)])
            centres = sums / np.linalg.norm(sums, axis=1, keepdims=True)
        return own


EFFECTS = {
    "fragments": lambda c: c.fragments.effect,
    "unread": lambda c: c.unread.effect,
    "terms": lambda c: c.terms.effect,
    "centroid": lambda c: c.centroid.effect,
    "energy": lambda c: c.energy.effect,
    "outside": lambda c: c.outside.share,
    "subjects": lambda c: c.subjects.effect,
}


def verdict(found: Comparison, n: int) -> str:
    """Level of the verdict on a comparison."""
    signals = [Signal(k, EFFECTS[k](found), p, "") for k, p in found.p_values.items()]
    return judge(adjust(signals), Situation(n, n, n, n)).level


def false_alarms(
    collection: Collection, comparisons: int
) -> tuple[Counter[str], Counter[str], int]:
    """(alarms of each test, verdicts, comparisons) of two samples of one collection."""
    alarms: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    done = 0
    for i in range(comparisons):
        rng = np.random.default_rng(i)
        n = min(SIZES[i % len(SIZES)], len(collection.documents) // 2)
        drawn = rng.permutation(collection.documents)[: 2 * n]
        found = compare(collection.sample(drawn[:n]), collection.sample(drawn[n:]))
        for name, p in found.p_values.items():
            alarms[name] += p <= 0.05
        alarms["any, corrected"] += (
            min(
                s.adjusted for s in adjust([Signal(k, 0, p, "") for k, p in found.p_values.items()])
            )
            <= 0.05
        )
        levels[verdict(found, n)] += 1
        done += 1
    return alarms, levels, done


def power(collection: Collection, share: float, comparisons: int) -> tuple[Counter[str], int]:
    """(alarms of each test, comparisons) where a share of the new side is of one held-out cluster."""
    alarms: Counter[str] = Counter()
    done = 0
    for i in range(comparisons):
        rng = np.random.default_rng(1000 + i)
        own = collection.clusters(rng)
        k = round(share * SUBJECT_N)
        sizes = np.bincount(own, minlength=CLUSTERS)
        fit = np.flatnonzero((sizes >= k) & (sizes <= len(own) - 2 * SUBJECT_N))
        if not len(fit):
            continue
        held = own == rng.choice(fit)
        rest = rng.permutation(collection.documents[~held])
        subject = rng.permutation(collection.documents[held])[:k]
        old, new = rest[:SUBJECT_N], [*rest[SUBJECT_N : 2 * SUBJECT_N - k], *subject]
        found = compare(collection.sample(old), collection.sample(new))
        for name, p in found.p_values.items():
            alarms[name] += p <= 0.05
        done += 1
    return alarms, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("indexes", nargs="+", type=Path)
    parser.add_argument("--comparisons", type=int, default=100, help="of each collection")
    parser.add_argument("--power", type=int, default=50, help="comparisons with a new subject")
    given = parser.parse_args()
    alarms: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    seen: dict[float, Counter[str]] = {0.1: Counter(), 0.2: Counter()}
    times: Counter[float] = Counter()
    total = 0
    for root in given.indexes:
        began = time.perf_counter()
        collection = Collection(root)
        a, v, n = false_alarms(collection, given.comparisons)
        alarms, levels, total = alarms + a, levels + v, total + n
        fact(f"{collection.name}: false alarms", _rates(a, n))
        fact(f"{collection.name}: verdicts", dict(v))
        for share in seen:
            p, n = power(collection, share, given.power)
            seen[share] += p
            times[share] += n
            if n:
                fact(f"{collection.name}: seen at {share:.0%}", _rates(p, n))
        print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr)
    fact(f"all, {total} comparisons: false alarms", _rates(alarms, total))
    fact("all: verdicts", dict(levels))
    for share, found in seen.items():
        fact(
            f"all, {times[share]} with a subject of {share:.0%}: seen", _rates(found, times[share])
        )


def _rates(counts: Counter[str], n: int) -> str:
    return ", ".join(f"{name} {count / n:.3f}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
