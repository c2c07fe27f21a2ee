"""Token counts by a vocabulary that stays on disk, for a chunker that asks for one stretch after another.

The tokens of a text are those of its words, which are remembered. Text in a script without spaces is one
long word of which a chunker cuts ever other parts: the pieces found for the whole serve its parts too.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.onnx.pieces import BREAK

if TYPE_CHECKING:
    from qembed.models.onnx.pieces import PieceTokenizer

MAX_WORD = 100
"""Characters of a word that is remembered."""
MAX_WORDS = 100_000
"""Words that are remembered; then it begins anew. They take some 10 MB."""
_BEGIN = "▁"
"""First character of a word, which a part of it has where the word has another."""


class PieceCounter:
    """Counts tokens as the tokenizer of `pieces`' files does. Thread-safe."""

    def __init__(self, pieces: PieceTokenizer) -> None:
        self._pieces = pieces
        self._special = pieces.num_special_tokens_to_add(False)
        self._known: dict[str, int] = {}
        self._line = ""
        self._vocabulary: dict[str, tuple[int, float]] = {}
        self._model: Any = pieces.model({})
        self._guard = threading.Lock()

    def count(self, texts: Sequence[str]) -> list[int] | None:
        """Tokens of each text before truncation, special tokens included.

        None if a text holds an added token, which only the whole tokenizer splits.
        """
        if any(self._pieces.holds_added(text) for text in texts):
            return None
        words = [self._pieces.words(text) for text in texts]
        with self._guard:
            lengths = self._lengths({word for of_text in words for word in of_text})
        return [self._special + sum(lengths[word] for word in of_text) for of_text in words]

    def _lengths(self, words: set[str]) -> dict[str, int]:
        """Token count of each word."""
        known = self._known
        found = {word: known[word] for word in words if word in known}
        new = words - found.keys()
        if new:
            self._cover(new)
            if len(known) > MAX_WORDS:
                known.clear()
            for word in new:
                found[word] = len(self._model.tokenize(word))
                if len(word) <= MAX_WORD:
                    known[word] = found[word]
        return found

    def _cover(self, words: set[str]) -> None:
        """Make the model hold every piece that occurs in the words."""
        missing = [word for word in words if word not in self._line]
        heads = {w[: self._pieces.longest] for w in missing if self._inner(w)}
        if not all(map(self._inner, missing)):
            self._vocabulary = self._pieces.occurring(words)
            self._line = BREAK.join(words)
        elif heads:
            found = self._pieces.occurring(heads)
            if found.keys() <= self._vocabulary.keys():
                return
            self._vocabulary |= found
        else:
            return
        self._model = self._pieces.model(self._vocabulary)

    def _inner(self, word: str) -> bool:
        """True if only the pieces at the beginning of a word may be missing."""
        return word.startswith(_BEGIN) and word[1:] in self._line
