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
        if kmer is not None:
            raise UsageError(f"--kmer {kmer} wants --alphabet: k-mers are of sequences")
        return chunker
    if chunker is not None or headings:
        other = "--headings" if chunker is None else f"--chunker {chunker}"
        raise UsageError(f"--alphabet {alphabet} or {other}: sequences are cut into windows")
    return make_chunker(alphabet, kmer)


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
