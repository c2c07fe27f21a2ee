"""Tokenizers of sequences: a token is a residue, a k-mer, an atom of SMILES, or a word of a netlist.

K-mers follow one another without overlap, so that a sequence has a third of the tokens by kmer:3; views of a
sequence begin anywhere, which trains all frames. Letters are read in either case where the alphabet does so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import UsageError
from qembed.sequences.alphabet import Alphabet

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, UNKNOWN, BEGIN, END, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
MOST_TOKENS = 20_000
"""Tokens of a vocabulary: the commonest k-mers and words beyond the letters themselves."""
LONGEST_KMER = 6


class Units(NamedTuple):
    """Units of a model by name: residue, kmer, atom or gate, and letters of a k-mer."""

    name: str
    size: int = 1

    def __str__(self) -> str:
        return f"kmer:{self.size}" if self.name == "kmer" else self.name


def parse_units(text: str) -> Units:
    """Parse `residue`, `kmer:3`, `atom` or `gate`. Raises UsageError."""
    name, _, size = text.partition(":")
    if name == "kmer" and size.isdecimal() and 2 <= int(size) <= LONGEST_KMER:
        return Units(name, int(size))
    if name in ("residue", "atom", "gate") and not size:
        return Units(name)
    raise UsageError(f"--units {text}: residue, kmer:2 to kmer:{LONGEST_KMER}, atom or gate")


def check_units(units: Units, alphabet: Alphabet) -> None:
    """Raise UsageError for units that an alphabet does not have."""
    wanted = {"smiles": "atom", "gate": "gate"}.get(alphabet.name)
    if wanted != (units.name if units.name in ("atom", "gate") else None):
        has = wanted or f"residue or kmer:{alphabet.kmer if alphabet.kmer <= LONGEST_KMER else 3}"
        raise UsageError(f"--units {units}: {alphabet.name} sequences have {has}")


def make_tokenizer(units: Units, alphabet: Alphabet, texts: Sequence[str]) -> Tokenizer:
    """Tokenizer of the units that the texts have, between a token that begins and one that ends them."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    folded = alphabet.folds
    words = _vocabulary(units, alphabet, texts)
    names = [w.lower() for w in words] if folded else words
    vocabulary = {name: i for i, name in enumerate(dict.fromkeys([*SPECIAL, *names]))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    if folded:
        tokenizer.normalizer = normalizers.Lowercase()
    if units.name == "gate":
        tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        pattern = alphabet.pattern if units.name == "atom" else rf".{{1,{units.size}}}"
        tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    at = {name: vocabulary[name] for name in (BEGIN, END)}
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A {END}", special_tokens=list(at.items())
    )
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def _vocabulary(units: Units, alphabet: Alphabet, texts: Sequence[str]) -> list[str]:
    letters = [*alphabet.letters, *alphabet.vague]
    if units.name == "residue":
        return letters
    counts: Counter[str] = Counter()
    for text in texts:
        if units.name == "kmer":
            # all frames: a view may begin at any letter
            for size in range(1, units.size + 1):
                counts.update(text[i : i + size] for i in range(len(text) - size + 1))
        else:
            counts.update(alphabet.units(text))
    common = [word for word, _ in counts.most_common(MOST_TOKENS)]
    return [*letters, *sorted(set(common) - set(letters))]
