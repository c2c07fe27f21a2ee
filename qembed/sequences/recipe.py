"""Sequences in an index's recipe: its chunker is `sequence:ALPHABET:K`, passages are windows of units.

The lexical index of such an index holds k-mers, so that K belongs to the recipe; texts that are stored or
encoded by any other chunker are language, and nothing of theirs changes.
"""

from __future__ import annotations

from typing import NamedTuple

from qembed.errors import UsageError
from qembed.sequences.alphabet import MAX_KMER, Alphabet, alphabet_named

_PREFIX = "sequence:"


class SequenceRecipe(NamedTuple):
    """Alphabet of an index of sequences, and the length of its k-mers in units."""

    alphabet: Alphabet
    kmer: int

    @property
    def chunker(self) -> str:
        """Chunker that stands for it in a recipe."""
        return f"{_PREFIX}{self.alphabet.name}:{self.kmer}"


def sequence_recipe(chunker: str) -> SequenceRecipe | None:
    """Sequences of a recipe's chunker, None for an index of texts."""
    if not chunker.startswith(_PREFIX):
        return None
    name, _, k = chunker.removeprefix(_PREFIX).rpartition(":")
    return SequenceRecipe(alphabet_named(name), int(k))


def make_chunker(alphabet: str, kmer: int | None) -> str:
    """Chunker of an index of sequences. Raises UsageError."""
    found = alphabet_named(alphabet)
    k = found.kmer if kmer is None else kmer
    if not 1 <= k <= MAX_KMER:
        raise UsageError(f"--kmer {k}: from 1 to {MAX_KMER}")
    return SequenceRecipe(found, k).chunker
