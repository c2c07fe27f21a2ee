"""Stems of words in other than Latin letters, by their script, as a word does not tell its language.

Snowball stems Cyrillic as Russian, Greek, Devanagari as Hindi, and Tamil. Words in Arabic script lose the
article, and endings where four letters stay (after light10 of Larkey, Ballesteros and Connell).

Forms that meet the first one of their family, and pairs chosen to collapse that do (tests/search/lexical
has them; unstemmed: 3 of 902 forms, 1 pair):

    Russian   224 of 254, 19 of 64    Ukrainian  34 of 60, 2 of 20    Greek  101 of 114, 10 of 43
    Bulgarian  27 of 45,   2 of 18    Serbian    40 of 51, 4 of 20    Tamil   52 of 58,   2 of 24
    Hindi      91 of 96,  25 of 74    Marathi     4 of 13             Nepali   0 of 9
    Arabic    125 of 157,  6 of 73    Persian    20 of 32, 6 of 54    Urdu     1 of 13,   1 of 24

Left out: Snowball's Arabic (101 of 157, 14 of 73, and 14 of 54 Persian pairs; it takes the first letter of
بريد, post, for a preposition, and not behind the article), its Armenian (35 of 86, 5 of 24: one word gets
several stems), its Yiddish, as words in Hebrew letters are mostly Hebrew.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_SCRIPTS = (
    "(?P<russian>[\u0400-\u052f]+)|(?P<greek>[\u0370-\u03ff]+)|(?P<hindi>[\u0900-\u0963\u0971-\u097f]+)"
    "|(?P<tamil>[\u0b80-\u0bd7]+)|(?P<arabic>[\u0620-\u06ff\u0750-\u077f]+)"
)
"""A word in one script without digits, by the stemmer for it."""
_LEAST = 2
"""Letters of a stem, vowel signs not counted: what is shorter stands for too many words."""
_ARTICLE = "^(?:(?:[وبكف]ال|و?لل)(?=...)|ال(?=..)(?!(?:له|ان|تي|ذي)$))+"
"""Also with a preposition or `and`; not of God, now, and the relative pronouns. All that begins like one, as
إلكتروني with the article has it twice, and alone once."""
_ENDINGS = ("هاي", "ها", "ان", "ات", "ون", "ين", "يه", "ه", "ي")
"""In the order they are taken off; the first is Persian."""


@lru_cache(maxsize=1)
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Of scripts and the article: English texts do without."""
    return re.compile(_SCRIPTS), re.compile(_ARTICLE)


@lru_cache(maxsize=8)
def snowball(language: str) -> Any:
    """Snowball stemmer of a language, without a cache of its own."""
    import Stemmer

    stemmer = Stemmer.Stemmer(language)
    stemmer.maxCacheSize = 0  # the analyzer remembers terms
    return stemmer


def stem(word: str) -> str:
    """Stem a word that is casefolded and without accents; words of mixed scripts and others stay."""
    found = _patterns()[0].fullmatch(word)
    if found is None:
        return word
    if found.lastgroup == "arabic":
        return _arabic(word)
    if found.lastgroup == "hindi":
        return _hindi(word)
    stemmed = str(snowball(str(found.lastgroup)).stemWord(word))
    return stemmed if _letters(stemmed) >= _LEAST else word


def _letters(word: str) -> int:
    return sum(map(str.isalpha, word))


def _hindi(word: str) -> str:
    """The dot of letters for foreign sounds goes, and candrabindu is anusvara, as writers mix them."""
    word = re.sub("(?<=[कखगजफ])\u093c", "", word).replace("\u0901", "\u0902")
    stemmed = str(snowball("hindi").stemWord(word))
    if _letters(stemmed) < _LEAST:  # of खाता, an account, would be left ख as of खाना, food
        stemmed = word.rstrip("ािीुूेैोौं")
    return stemmed if _letters(stemmed) >= _LEAST else word


def _arabic(word: str) -> str:
    """Taa marbuta is haa here already, and yaa, alef and kaf are the Arabic ones."""
    word = _patterns()[1].sub("", word)
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) >= len(ending) + 4:
            word = word[: -len(ending)]
    if len(word) == 5 and word.endswith("ات"):
        return word[:3] + "ه"  # شركات, companies, of شركة
    return word
