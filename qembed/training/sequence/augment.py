"""Views of a sequence: a stretch of it, some units exchanged for likely ones, some hidden.

Proteins change by the odds of BLOSUM62 (Henikoff and Henikoff 1992): residue a becomes b with a probability
in proportion to f(b) 2^(S(a, b) / 2), f the frequencies of the corpus. Bases change to their like, purine to
purine and pyrimidine to pyrimidine, twice as often as to the others. Units of other alphabets are hidden
only: no exchange of an atom or a gate is known to leave a molecule or a circuit alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.sequences.alphabet import Alphabet
from qembed.training.sequence.units import MASK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

FEWEST_UNITS = 16
"""Units of the shortest view, of a sequence that has so many."""
_HIDDEN = {"protein": "X", "dna": "N", "rna": "N"}
_PAIRS = ("AG", "CT", "CU")


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Differences of views: least share of a sequence, most units, and shares exchanged and hidden.

    The share exchanged is drawn anew for each view, up to twice `exchanged`.
    """

    shortest: float = 0.5
    longest: int = 128
    exchanged: float = 0.15
    hidden: float = 0.05

    def check(self) -> None:
        """Raise UsageError for numbers out of range."""
        for name, value, ok in (
            ("crop", self.longest, self.longest >= FEWEST_UNITS),
            ("exchange", self.exchanged, 0 <= self.exchanged <= 0.5),
            ("hide", self.hidden, 0 <= self.hidden < 1),
        ):
            if not ok:
                raise UsageError(f"--{name} {value}: out of range")


class Viewer:
    """Makes views of sequences of one alphabet. `texts`: the corpus, whose frequencies count."""

    def __init__(self, alphabet: Alphabet, texts: Sequence[str], how: Augmentation) -> None:
        self._alphabet = alphabet
        self._how = how
        self._joint = "" if alphabet.name != "gate" else " "
        self._hidden = _HIDDEN.get(alphabet.name, MASK)
        self._odds = substitution_odds(alphabet, Counter("".join(texts)))

    def view(self, text: str, rng: np.random.Generator) -> str:
        """One view of a sequence."""
        units = self._alphabet.units(text)
        how, total = self._how, len(units)
        least = min(total, max(FEWEST_UNITS, int(how.shortest * total)))
        size = min(int(rng.integers(least, total + 1)), how.longest)
        start = int(rng.integers(0, total - size + 1))
        units = units[start : start + size]
        if self._odds:
            changed = rng.random(size) < rng.uniform(0, 2 * how.exchanged)
            for i in changed.nonzero()[0].tolist():
                if (odds := self._odds.get(units[i])) is not None:
                    units[i] = odds[0][int(odds[1].searchsorted(rng.random()))]
        for i in (rng.random(size) < how.hidden).nonzero()[0].tolist():
            units[i] = self._hidden
        return self._joint.join(units)


def substitution_odds(
    alphabet: Alphabet, counts: Counter[str]
) -> dict[str, tuple[str, npt.NDArray[np.float64]]]:
    """For each letter the others, and the cumulated probabilities of becoming them; {} if none may.

    `counts`: letters of the corpus. Raises UsageError without Biopython, for protein alone.
    """
    import numpy as np

    if alphabet.name not in _HIDDEN:
        return {}
    letters = alphabet.letters
    score = _blosum() if alphabet.name == "protein" else _base_score
    found = {}
    for a in letters:
        others = "".join(b for b in letters if b != a)
        weights = np.array([(counts[b] + 1) * 2 ** (score(a, b) / 2) for b in others])
        cumulated = np.cumsum(weights / weights.sum())
        cumulated[-1] = 1.0
        found[a] = (others, cumulated)
    return found


def _base_score(a: str, b: str) -> float:
    return 2.0 if a + b in _PAIRS or b + a in _PAIRS else 0.0


class _Blosum:
    def __init__(self, matrix: object) -> None:
        self._matrix = matrix

    def __call__(self, a: str, b: str) -> float:
        return float(self._matrix[a][b])  # type: ignore[index]


def _blosum() -> _Blosum:
    try:
        from Bio.Align import substitution_matrices
    except ImportError:
        raise UsageError(
            "views of proteins need Biopython (pip install 'qembed-search[sequences]')"
        ) from None
    return _Blosum(substitution_matrices.load("BLOSUM62"))  # type: ignore[no-untyped-call]
