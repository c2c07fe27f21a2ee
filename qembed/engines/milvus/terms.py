"""Index terms as words that every analyzer of Milvus leaves as they are: ASCII letters and digits.

    refund -> refund     退款 -> zzu90006b3e     水 alone -> zzc6c34     longer ones -> zzh + a hash

The terms are made by our own analyzer, so that words mean the same here and there, in any language; the
server's analyzer only has to split at spaces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

MARK = "zz"
CHARACTER = MARK + "c"
SHORT = 3
"""Characters up to which a term of other letters is written out."""


def encode_term(term: str) -> str:
    """Encode a term of a passage's words."""
    if term.isascii() and term.isalnum() and not term.startswith(MARK):
        return term
    if len(term) <= SHORT:
        return MARK + "u" + term.encode("utf-16-be", "surrogatepass").hex()
    digest = hashlib.blake2b(term.encode("utf-8", "surrogatepass"), digest_size=8)
    return MARK + "h" + digest.hexdigest()


def encode_character(character: str) -> str:
    """Encode a single character of a script without spaces."""
    return CHARACTER + character.encode("utf-16-be", "surrogatepass").hex()


def encode_words(terms: Iterable[str], characters: Iterable[str]) -> str:
    """Encode the terms of a passage, then its single characters, with spaces between."""
    return " ".join([*map(encode_term, terms), *map(encode_character, characters)])


def split_words(words: str) -> tuple[Sequence[str], Sequence[str]]:
    """(encoded terms, encoded single characters) of a passage, in their order."""
    found = words.split()
    terms = [w for w in found if not w.startswith(CHARACTER)]
    return terms, found[len(terms) :]
