"""The user's words as a lexical query.

Every character is plain text but for two documented extras: `"a phrase"` (also in curly quotes) must
occur in that order, and `-word` must not occur. A minus counts where a space stands before it and a word
of two letters or more follows; a quotation mark, where it has a partner. Nothing here can fail.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from qembed.search.lexical.analyzer import is_stop, terms_of

_PHRASE = re.compile(r'(?<![^\s(（,;，；])(-?)"([^"]*)"(?!\w)|((?<!\S)-)?“([^”“]*)”')
_MINUS = re.compile(r"(?<!\S)-([^\W\d_]\w\S*)")
_SCRIPTS = {"CJK": "Han", "IDEOGRAPHIC": "Han"}


@dataclass(frozen=True, slots=True)
class ParsedQuery:
    """A query taken apart. `terms`: what is scored, in order, repeated as in the query.

    `phrases` and `without` are terms that must, or must not, occur in a row.
    """

    terms: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...] = ()
    without: tuple[tuple[str, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.terms or self.phrases)

    @property
    def strict(self) -> bool:
        """Whether something must or must not occur."""
        return bool(self.phrases or self.without)


def parse_query(query: str) -> ParsedQuery:
    """Takes a query apart. Words that say nothing are left out; if there are no others, nothing is left.

    Within a phrase they count as words.
    """
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
        phrases.append(terms)
        return f" {inside} "

    def minus(match: re.Match[str]) -> str:
        terms = tuple(terms_of(match[1]))
        if terms:
            without.append(terms)
        return " "

    rest = _MINUS.sub(minus, _PHRASE.sub(phrase, query))
    terms = tuple(t for t in terms_of(rest) if not is_stop(t))
    if without and not terms and not phrases:
        # nothing but things that must not be: then the signs are text like all others
        return ParsedQuery(tuple(t for t in terms_of(query) if not is_stop(t)))
    return ParsedQuery(terms, tuple(phrases), tuple(without))


def script_of(text: str) -> str:
    """The script most letters of a text are in (`Latin`, `Han`, …); "" without letters."""
    if text.isascii():
        return "Latin" if any(map(str.isalpha, text)) else ""
    found: Counter[str] = Counter()
    for c in text:
        if c.isalpha():
            name = "LATIN" if c.isascii() else unicodedata.name(c, "?").split()[0].split("-")[0]
            found[_SCRIPTS.get(name, name.capitalize())] += 1
    return max(found, key=lambda s: (found[s], s)) if found else ""
