"""Counts of a text: words, the pieces a tokenizer cuts them into, words it cannot read, terms, scripts."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qembed.search.lexical.analyzer import is_stop, spans, terms_of
from qembed.search.lexical.query import script_of_letter

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

UNKNOWN = ("[UNK]", "<unk>")
"""Names of the token for what a tokenizer does not know."""
DENSE_SCRIPTS = frozenset(
    {"Han", "Hiragana", "Katakana", "Hangul", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan"}
)
"""Scripts of which each letter counts as a word: most are written without blanks."""
MANY_PIECES = 4
"""Pieces from which on a word counts as fragmented."""
TEXTS = 256
"""Texts that are tokenized at a time."""
LONGEST = 20_000
"""Characters of a text that are counted."""


@dataclass(slots=True)
class TextFacts:
    """Counts of one text. `terms`: hashes of its distinct terms without stop words, uint32, ascending.

    `pieces`: 0 without a tokenizer; of an unread word its characters. `scripts`: (words, unread words) by
    script. `fragmented`: pieces of the words cut into MANY_PIECES or more; `unread_words`: those.
    """

    words: int
    pieces: int
    unread: int
    terms: npt.NDArray[np.uint32]
    scripts: dict[str, tuple[int, int]]
    fragmented: dict[str, int] = field(default_factory=dict)
    unread_words: list[str] = field(default_factory=list)


class TextCounter:
    """Counter of texts by a model's tokenizer, a `tokenizers.Tokenizer`; None: words and terms alone."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        numbers = [] if tokenizer is None else [tokenizer.token_to_id(name) for name in UNKNOWN]
        self._unknown = frozenset(n for n in numbers if n is not None)

    def count(self, texts: Sequence[str]) -> list[TextFacts]:
        """Count texts."""
        found: list[TextFacts] = []
        for at in range(0, len(texts), TEXTS):
            part = [t[:LONGEST] for t in texts[at : at + TEXTS]]
            encoded: Iterable[Any] = (
                [None] * len(part)
                if self._tokenizer is None
                else self._tokenizer.encode_batch(part, add_special_tokens=False)
            )
            found += [self._facts(text, e) for text, e in zip(part, encoded, strict=True)]
        return found

    def _facts(self, text: str, encoding: Any) -> TextFacts:
        facts = TextFacts(0, 0, 0, term_hashes(text), {})
        if encoding is None:
            facts.words = len(text.split())
            return facts
        scripts: dict[str, list[int]] = {}
        for start, end, pieces, known in self._words(encoding):
            word = text[start:end].strip()
            letter = next((c for c in word if c.isalpha()), None)
            if letter is None:
                continue
            script = script_of_letter(letter)
            letters = sum(map(str.isalpha, word))
            words = letters if script in DENSE_SCRIPTS else 1
            counted = scripts.setdefault(script, [0, 0])
            counted[0] += words
            facts.words += words
            if known:
                facts.pieces += pieces
                if pieces >= MANY_PIECES and words == 1:
                    facts.fragmented[word] = pieces
            else:
                facts.pieces += max(pieces, letters)
                facts.unread += words
                counted[1] += words
                facts.unread_words.append(word)
        facts.scripts = {name: (n, unread) for name, (n, unread) in scripts.items()}
        return facts

    def _words(self, encoding: Any) -> Iterator[tuple[int, int, int, bool]]:
        """(start, end, pieces, whether all are known) of each word of a tokenized text."""
        before: Any = -1
        start = end = pieces = 0
        known = True
        for word, number, (a, b) in zip(
            encoding.word_ids, encoding.ids, encoding.offsets, strict=True
        ):
            if word != before or word is None:
                if pieces:
                    yield start, end, pieces, known
                before, start, pieces, known = word, a, 0, True
            end = b
            pieces += 1
            known = known and number not in self._unknown
        if pieces:
            yield start, end, pieces, known


@lru_cache(maxsize=1 << 16)
def hash_term(term: str) -> int:
    """Hash of a term, 32 bits."""
    return zlib.crc32(term.encode("utf-8", "surrogatepass"))


def term_hashes(text: str) -> npt.NDArray[np.uint32]:
    """Hashes of the distinct terms of a text, ascending; stop words and lone characters are left out."""
    import numpy as np

    kept = {hash_term(t) for t in set(terms_of(text[:LONGEST])) if len(t) > 1 and not is_stop(t)}
    return np.array(sorted(kept), dtype=np.uint32)


def written_forms(hashes: Iterable[int], texts: Sequence[str]) -> dict[int, str]:
    """Most frequent written form of terms, by their hash, as the texts have it."""
    from collections import Counter

    wanted = set(hashes)
    terms: dict[str, Counter[str]] = {}
    for text in texts:
        text = text[:LONGEST]
        ours = {t for t in terms_of(text) if hash_term(t) in wanted}
        for term in ours:
            counted = terms.setdefault(term, Counter())
            for start, end in spans(text, {term}):
                counted[text[start:end].casefold()] += 1
    return {
        hash_term(term): forms.most_common(1)[0][0] if forms else term
        for term, forms in terms.items()
    }
