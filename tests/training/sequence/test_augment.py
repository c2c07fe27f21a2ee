"""Views of a sequence: how much of it, what becomes of residues, and by which odds."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from qembed.sequences.alphabet import ALPHABETS
from qembed.training.sequence.augment import Augmentation, Viewer, substitution_odds

blosum = pytest.importorskip("Bio.Align").substitution_matrices.load("BLOSUM62")
PROTEIN = ALPHABETS["protein"]
TEXT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQ"


def viewer(**how: float) -> Viewer:
    return Viewer(PROTEIN, [TEXT], Augmentation(**how))  # type: ignore[arg-type]


def test_a_crop_is_a_stretch_of_the_sequence() -> None:
    made = viewer(exchanged=0.0, hidden=0.0, longest=50)
    rng = np.random.default_rng(0)
    views = [made.view(TEXT, rng) for _ in range(300)]
    assert all(v in TEXT for v in views)
    sizes = {len(v) for v in views}
    assert (min(sizes), max(sizes)) == (len(TEXT) // 2, 50)
    assert {TEXT.index(v) for v in views} >= set(range(0, 15))
    assert made.view("MKT", rng) == "MKT"


def test_shares_of_exchanged_and_hidden_residues() -> None:
    made = viewer(shortest=1.0, exchanged=0.2, hidden=0.1)
    rng = np.random.default_rng(1)
    views = [made.view(TEXT, rng) for _ in range(400)]
    hidden = sum(v.count("X") for v in views) / (400 * len(TEXT))
    pairs = [(a, b) for v in views for a, b in zip(TEXT, v, strict=True) if b != "X"]
    assert hidden == pytest.approx(0.1, abs=0.01)
    assert sum(a != b for a, b in pairs) / len(pairs) == pytest.approx(0.2, abs=0.02)


def test_residues_change_by_the_odds_of_blosum() -> None:
    counts = Counter("ACDEFGHIKLMNPQRSTVWY" * 50)
    odds = substitution_odds(PROTEIN, counts)
    assert set(odds) == set(PROTEIN.letters)
    for a in "WLK":
        others, cumulated = odds[a]
        chances = dict(zip(others, np.diff(cumulated, prepend=0.0).tolist(), strict=True))
        assert a not in chances
        weights = {b: 2 ** (blosum[a][b] / 2) for b in others}
        total = sum(weights.values())
        assert chances == pytest.approx({b: w / total for b, w in weights.items()})
    assert substitution_odds(ALPHABETS["gate"], counts) == {}
    others, cumulated = substitution_odds(ALPHABETS["dna"], Counter("ACGT" * 9))["A"]
    assert np.diff(cumulated, prepend=0.0)[others.index("G")] == pytest.approx(0.5)


def test_gates_are_cut_and_hidden_whole() -> None:
    gates = " ".join(["NAND -1 -2", "NOT -1"] * 20)
    made = Viewer(ALPHABETS["gate"], [gates], Augmentation(hidden=0.2))
    words = made.view(gates, np.random.default_rng(2)).split(" ")
    assert set(words) == {"NAND", "NOT", "-1", "-2", "[MASK]"}


def test_the_same_seed_gives_the_same_views() -> None:
    first, second = (
        [viewer().view(TEXT, np.random.default_rng(s)) for s in range(5)] for _ in "ab"
    )
    assert first == second
