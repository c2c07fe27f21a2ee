"""Chunkers of recipes as options and models ask for them: of texts, or windows of an alphabet's units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qembed.errors import UsageError
from qembed.sequences.recipe import make_chunker, sequence_recipe

if TYPE_CHECKING:
    from qembed.models import Model


def chunker_asked(
    chunker: str | None, alphabet: str | None, kmer: int | None, headings: bool | None = None
) -> str | None:
    """Chunker that options ask for: of texts, or of sequences. Raises UsageError for both at once."""
    if alphabet is None:
        return chunker if chunker is None else with_kmer(chunker, kmer)
    if chunker is not None or headings:
        other = "--headings" if chunker is None else f"--chunker {chunker}"
        raise UsageError(f"--alphabet {alphabet} or {other}: sequences are cut into windows")
    return make_chunker(alphabet, kmer)


def with_kmer(chunker: str, kmer: int | None) -> str:
    """Chunker with k-mers of this length, None for its own. Raises UsageError for one of texts."""
    if kmer is None:
        return chunker
    found = sequence_recipe(chunker)
    if found is None:
        raise UsageError(f"--kmer {kmer} wants --alphabet: k-mers are of sequences")
    return make_chunker(found.alphabet.name, kmer)


def cuts_alike(one: str, other: str) -> bool:
    """True for chunkers that cut texts, or sequences of one alphabet, into the same passages."""
    a, b = sequence_recipe(one), sequence_recipe(other)
    return one == other if a is None or b is None else a.alphabet == b.alphabet


def own_chunker(model: Model) -> str:
    """Chunker of a model unless another one is asked for: windows of units for one that reads sequences."""
    alphabet = model.profile.alphabet
    return make_chunker(alphabet, None) if alphabet else "auto"


def check_alphabet(model: Model, chunker: str) -> None:
    """Raise UsageError for a model that reads sequences of another alphabet, or no texts."""
    own, found = model.profile.alphabet, sequence_recipe(chunker)
    if own and (found is None or found.alphabet.name != own):
        asked = f"--chunker {chunker}" if found is None else f"--alphabet {found.alphabet.name}"
        raise UsageError(f"{asked}: {model.name} reads {own} sequences (--alphabet {own})")
