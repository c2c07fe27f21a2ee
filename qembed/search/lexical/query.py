"""Parser of lexical queries: the user's words to terms.

All characters are plain text except for two operators: `"a phrase"` (also in curly quotes) must occur in
that order, and `-word` must not occur. A minus is one after a space and before a word of two letters or
more; a quotation mark needs its partner. Every text is a valid query.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import NamedTuple

from qembed.search.lexical.analyzer import is_stop, terms_of

_PHRASE = re.compile(r'(?<![^\s(（,;，；])(-?)"([^"]*)"(?!\w)|((?<!\S)-)?“([^”“]*)”')
_HYPHENATED = re.compile(r"[^\W\d_]+(?:[-‐‑][^\W\d_]+)+")
_MINUS = re.compile(r"(?<!\S)-([^\W\d_]\w\S*)")
_SCRIPTS = {"CJK": "Han", "IDEOGRAPHIC": "Han"}


class ParsedQuery(NamedTuple):
    """Parsed query. `terms`: the scored terms in their order, repeated as in the query.

    `phrases` and `without`: terms that must, or must not, occur in a row.
    """

    terms: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    without: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.phrases)

    @property
    def strict(self) -> bool:
        """True if there are phrases or excluded terms."""
        return bool(self.phrases or self.without)


def parse_query(query: str) -> ParsedQuery:
    """Parse a query. Stop words are left out, except within phrases; a query of stop words has no terms."""
    phrases: list[tuple[str, ...]] = []
    without: list[tuple[str, ...]] = []

    def phrase(match: re.Match[str]) -> str:
        inside = match[2] if match[2] is not None else match[4]
        terms = tuple(terms_of(inside))
        if not terms:
            return " "
        if match[1] or match[3]:
            without.append(terms)
            return " "
        # the whole word comes first; it is all there is where a line's end had divided the word
        phrases.append(terms[:1] if _HYPHENATED.fullmatch(inside.strip()) else terms)
        return f" {inside} "

    def minus(match: re.Match[str]) -> str:
        terms = tuple(terms_of(match[1]))
        if terms:
            without.append(terms)
        return " "

    rest = _MINUS.sub(minus, _PHRASE.sub(phrase, query))
    terms = tuple(t for t in terms_of(rest) if not is_stop(t))
    if without and not terms and not phrases:
        # only exclusions: then their signs are plain text
        return ParsedQuery(tuple(t for t in terms_of(query) if not is_stop(t)))
    return ParsedQuery(terms, tuple(phrases), tuple(without))


def script_of_letter(letter: str) -> str:
    """Script of a letter (`Latin`, `Han`, …) by the first word of its Unicode name."""
    name = "LATIN" if letter.isascii() else unicodedata.name(letter, "?").split()[0].split("-")[0]
    return _SCRIPTS.get(name, name.capitalize())


def scripts_of(text: str) -> Counter[str]:
    """Count the letters of a text by script (`Latin`, `Han`, …)."""
    if text.isascii():
        letters = sum(map(str.isalpha, text))
        return Counter({"Latin": letters} if letters else {})
    return Counter(script_of_letter(c) for c in text if c.isalpha())
