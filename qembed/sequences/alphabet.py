"""Alphabets: which letters a sequence has, what its units are, and how it is written for a model.

    protein   a letter a residue, in either case; B J O U X Z * stand for several or rare ones
    dna, rna  a letter a base, in either case; the IUPAC letters for several bases
    smiles    atoms in brackets or of the organic subset, bonds, branches and ring closures
    gate      words between blanks: a gate, and for each input the distance to what drives it
    LETTERS   any other text names an alphabet by its letters, in the case that they have

Places are counted in characters of the text; a unit never lies across a border of a window.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from qembed.errors import UsageError
from qembed.sequences.molecule import molecule_problem

_IUPAC = "RYSWKMBDHVN"
_ATOM = re.compile(r"\[[^\[\]\s]+\]|Br|Cl|[BCNOSPFIbcnops]|%\d\d|[()\.=#\-+\\/:~@?>*$0-9]")
_WORD = re.compile(r"\S+")
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
"""The twenty amino acids of the genetic code."""


@dataclass(frozen=True, slots=True)
class Alphabet:
    """Alphabet of an index or a model.

    `letters`: of units of one character. `vague`: letters beside them that stand for several, which are in no
    k-mer. `folds`: both cases are read. `kmer`: length of k-mers unless another one is asked for. `unit`: its
    name in messages. `of_letters`: a unit is one character.
    """

    name: str
    letters: str = ""
    vague: str = ""
    folds: bool = False
    kmer: int = 3
    unit: str = "letter"
    of_letters: bool = True

    @property
    def pattern(self) -> str:
        """Regular expression of a unit."""
        return "." if self.of_letters else (_ATOM if self.name == "smiles" else _WORD).pattern

    def written(self, text: str) -> str:
        """Text as it is encoded and compared: without white space around, in the alphabet's case."""
        text = text.strip()
        return text.upper() if self.folds else text

    def bounds(self, text: str) -> tuple[Sequence[int], Sequence[int]]:
        """Starts and ends of the units, in order."""
        if self.of_letters:
            return range(len(text)), range(1, len(text) + 1)
        found = [m.span() for m in (_ATOM if self.name == "smiles" else _WORD).finditer(text)]
        return [a for a, _ in found], [b for _, b in found]

    def units(self, text: str) -> list[str]:
        """Units of a text, as written."""
        text = self.written(text)
        if self.of_letters:
            return list(text)
        return [text[a:b] for a, b in zip(*self.bounds(text), strict=True)]

    def problem(self, text: str) -> str | None:
        """Reason for which a text is no sequence of this alphabet, None if it is one. Places count from 1."""
        text = self.written(text)
        if not text:
            return "an empty sequence"
        if self.of_letters:
            known = {*self.letters, *self.vague}
            if known.issuperset(text):
                return None
            at = next(i for i, c in enumerate(text) if c not in known)
            hint = " (an alignment? take its gaps out)" if text[at] in "-." else ""
            return f"{text[at]!r} at {at + 1} is no {self.unit} of the alphabet {self.name}{hint}"
        if self.name == "gate":
            other = next((w for w in text.split() if not _GATE.fullmatch(w)), None)
            return None if other is None else f"{other[:40]!r} is no gate (NAND -1 -2 …)"
        end = 0
        for a, b in zip(*self.bounds(text), strict=True):
            if a != end:
                break
            end = b
        return None if end == len(text) else f"{text[end]!r} at {end + 1} is no SMILES"

    def record_problem(self, text: str) -> str | None:
        """Reason for which a text is no whole sequence, as `problem`; a part of a molecule is none."""
        problem = self.problem(text)
        if problem is not None or self.name != "smiles":
            return problem
        text = self.written(text)
        found = zip(*self.bounds(text), strict=True)
        return molecule_problem((text[a:b], a) for a, b in found)

    def kmers(self, text: str, k: int) -> list[str]:
        """All k-mers of a text in order, overlapping, as written; none with a vague letter."""
        if not self.of_letters:
            units = self.units(text)
            return ["|".join(units[i : i + k]) for i in range(len(units) - k + 1)]
        text = self.written(text)
        found = [text[i : i + k] for i in range(len(text) - k + 1)]
        if self.vague and not set(self.vague).isdisjoint(text):
            return [t for t in found if set(self.vague).isdisjoint(t)]
        return found


_GATE = re.compile(r"[+-]\d+|[A-Z$\\][^\sa-z]*")
"""Word of a sequence of gates: a distance, or a gate, in upper case."""
ALPHABETS: dict[str, Alphabet] = {
    a.name: a
    for a in (
        Alphabet("protein", RESIDUES, "BJOUXZ*", folds=True, unit="residue"),
        Alphabet("dna", "ACGT", _IUPAC, folds=True, kmer=11, unit="base"),
        Alphabet("rna", "ACGU", _IUPAC, folds=True, kmer=11, unit="base"),
        Alphabet("smiles", kmer=4, unit="atom", of_letters=False),
        Alphabet("gate", kmer=3, unit="gate", of_letters=False),
    )
}
"""Alphabets by name."""
MAX_KMER = 32


def alphabet_named(name: str) -> Alphabet:
    """Alphabet of a name, or of its letters written out. Raises UsageError."""
    if (found := ALPHABETS.get(name)) is not None:
        return found
    if name.islower() or len(set(name)) < 2 or any(c.isspace() or c in ":|" for c in name):
        raise UsageError(
            f"--alphabet {name}: one of {', '.join(ALPHABETS)}, or its letters, two and more, not all "
            "of them in lower case"
        )
    return Alphabet(name, "".join(dict.fromkeys(name)))


def guess_alphabet(text: str) -> str:
    """Name of the alphabet that a sequence of letters most likely has: dna, rna, protein; "" for none."""
    letters = set(text.upper())
    for name in ("dna", "rna"):
        bases = set(ALPHABETS[name].letters) | {"N"}
        if letters and letters <= bases:
            return name
    return "protein" if letters and ALPHABETS["protein"].problem(text) is None else ""
