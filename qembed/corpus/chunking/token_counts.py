"""Tokens of texts, by a `tokenizers.Tokenizer`.

A cutter asks for the same words in ever other stretches. Of a tokenizer that never looks beyond white space
the tokens of each word are remembered, which is ten times as fast as encoding each stretch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

MAX_WORD = 100
"""Characters of a word that is remembered: longer ones are rare, or text in a script without spaces."""
MAX_WORDS = 200_000
"""Words that are remembered; then it begins anew. They take some 20 MB."""
_REMOVED = re.compile("[\x0b\x0c\x1c-\x1f\x85]")
"""Python's white space that BERT's normalizer removes, so that it joins the words beside it."""
_SIGN = re.compile("[\u4e00-\u9fff]")
"""Most of the signs that BERT's normalizer puts between spaces."""


def counter(tokenizer: Any) -> Callable[[str], int]:
    """Function that counts a text's tokens, special ones included.

    `tokenizer`: a `tokenizers.Tokenizer`. Raises ValueError for one that truncates or pads.
    """
    if tokenizer.truncation is not None or tokenizer.padding is not None:
        raise ValueError("a tokenizer that truncates or pads cannot count")
    # leaves out the offsets, which nobody asks for here
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)

    def tokens(text: str) -> int:
        return len(encode([text])[0])

    if not _splits_at_spaces(tokenizer):
        return tokens
    return _by_words(tokens, bool(tokenizer.normalizer.handle_chinese_chars))


def _splits_at_spaces(tokenizer: Any) -> bool:
    """Test that a text's tokens are those of its words: WordPiece behind BERT's rules."""
    kinds = tuple(
        type(part).__name__
        for part in (tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.model)
    )
    if kinds != ("BertNormalizer", "BertPreTokenizer", "WordPiece"):
        return False
    added = tokenizer.get_added_tokens_decoder().values()
    # of words as they stand there, not normalized ones, and none across words
    return all(a.special and not a.normalized and a.content.split() == [a.content] for a in added)


def _by_words(tokens: Callable[[str], int], signs: bool = False) -> Callable[[str], int]:
    """Counter that adds up the tokens of the words between white space; `tokens` counts any text.

    `signs`: each Chinese sign is a word.
    """
    special = tokens("")
    known: dict[str, int] = {}

    def count(text: str) -> int:
        if _REMOVED.search(text):
            return tokens(text)
        apart = _SIGN.sub(r" \g<0> ", text) if signs and not text.isascii() else text
        words = apart.split()
        try:
            return special + sum(map(known.__getitem__, words))
        except KeyError:
            pass
        if len(known) > MAX_WORDS:
            known.clear()
        for word in words:
            if word not in known:
                if len(word) > MAX_WORD:
                    return tokens(text)
                known[word] = tokens(word) - special
        return special + sum(map(known.__getitem__, words))

    return count
