"""Text to index terms, of passages and queries alike: any language, identifiers, codes and numbers.

The terms of a stretch of text depend on that stretch alone, so a quoted phrase is its terms in a row.
Steps: NFKC and casefold; accents off on both sides; soft hyphens, also at the end of a line, and other
characters without width join; letters joined by `-`, `_`, `.`, a zero-width non-joiner of Arabic script or
an inner capital give the parts and, first, the whole (`getUserName`, `get_user_name`: getusername get user
name; `E-1042`: e1042 e 1042); spelling variants of Arabic letters are one letter, digits of all scripts
ASCII's; terms of ASCII letters alone are stemmed as English, those of Cyrillic, Greek, Devanagari, Tamil or
Arabic letters alone by their script (`stems`), others not; scripts written without spaces (Han, kana, Thai,
…) and Hangul, whose words carry their particles, become pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from qembed.search.lexical.stems import snowball, stem

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Sequence

MAX_TERM = 64
"""Characters of a term; base64 and hashes beyond that are cut, on both sides alike."""

_DENSE = (
    r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}ー々〆ﾞﾟ"
    r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
)
_PLAIN = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ı": "i"}
)
_ARABIC = str.maketrans("ٱىیېکڪةہھەۃ", "ايييككههههه")
"""Spellings of alef, yaa, kaf and haa (taa marbuta among them) that writers use for one another."""
# Articles, pronouns, prepositions, auxiliaries and question words: a query of nothing else asks for nothing.
STOP = frozenset(
    """
    a about above after again all also am an and any are as at be because been before being below
    between both but by can could did do does doing down during each few for from further had has have
    having he her here hers him his how i if in into is it its just me more most my no nor not of off on
    once only or other our out over own same she should so some such than that the their them then there
    these they this those through to too under until up very was we were what when where which while who
    whom why will with would you your
    的 了 在 是 我 你 他 她 它 这 那 有 和 与 或 也 都 就 不 吗 呢 吧 啊 谁 哪 什么 怎么 如何 哪里 哪个
    是什 为什 么是 多少 我们 你们 他们 这个 那个 一个 可以 请问 の に は を が と で も へ か
    и в во на не я мы вы он она оно они с со что чтобы как какой какая какие по но из к ко у за от до для это
    этот эта эти о об а же бы ли то так где когда чем если мне меня нас вас их его её при без про кто можно
    ο η το οι τα του της των τον την τους τις ένας μια ένα και κι να θα σε από για με στο στη στην στον στα
    στις στους που πως τι δεν μην είναι μου σου μας σας αυτό
    في من عن إلى هذا هذه ذلك التي الذي ما هل أين متى لماذا أو و ثم أن لا لم هو هي مع
    का के की में से को ने पर और है हैं था थी थे यह वह ये इस उस क्या कैसे कब कौन क्यों लिए भी ही तो या मैं
    आप हम""".split()  # noqa: SIM905 - a list of words to read
)
"""As written; in a query these are looked up by `is_stop`."""


_ASCII = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+(?![\d,]))"
    r"|(?P<word>_*[A-Za-z0-9]+(?:(?:[-.']|_+)[A-Za-z0-9]+)*(?:\+\+|#(?!\w))?)",
    re.ASCII,
)
_ASCII_INNER = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


_WIDTHLESS = r"(?:\u00ad(?:\r?\n[ \t]*)?|[\u200b-\u200d\u2060\ufeff])"
"""What stands inside a word without being seen: a soft hyphen, with its line end, joiners, non-joiners."""
_JOINED = re.compile(
    rf"(?<![\u0600-\u06ff])\u200c|\u200c(?![\u0600-\u06ff])|(?!\u200c){_WIDTHLESS}"
)


@lru_cache(maxsize=1)
def _any() -> tuple[Any, Any, Any, Any]:
    """The same for all of Unicode, and accents. Apart: importing and compiling takes 60 ms."""
    import regex

    letter = rf"[\w--[{_DENSE}_\u200b-\u200d]]"
    word = rf"{letter}+(?:{_WIDTHLESS}+{letter}+)*"
    chunk = regex.compile(
        rf"(?P<dense>(?:[{_DENSE}]\p{{M}}*)+)"
        rf"|(?P<number>\d{{1,3}}(?:[,٬]\d{{3}})+(?![\d,٬]))"
        rf"|(?P<word>_*{word}(?:(?:[-.'’‐‑٫]|_+){word})*(?:\+\+|\#(?!\w))?)",
        regex.V1,
    )
    inner = regex.compile(
        r"\p{Lu}+(?=\p{Lu}[\w--[\d_\p{Lu}]])|\p{Lu}?[\w--[\d_\p{Lu}]]+|\p{Lu}+|\d+", regex.V1
    )
    marks = re.compile(r"[\u0300-\u036f\u0591-\u05bd\u05bf-\u05c7\u064b-\u0655\u0640\u0670]+")
    dense = regex.compile(rf"[{_DENSE}]", regex.V1)
    return chunk, inner, marks, dense


@lru_cache(maxsize=1 << 16)
def _term(word: str) -> str:
    """A part as it is looked up: folded and stemmed."""
    word = word.casefold().replace("’", "'")
    if not word.isascii():
        marks = _any()[2]
        # й is a letter of its own; hangul and kana never come here
        word = "й".join(
            marks.sub("", unicodedata.normalize("NFD", part)) for part in word.split("й")
        ).translate(_PLAIN)
        word = _digits(unicodedata.normalize("NFC", word.translate(_ARABIC)))
    if word.endswith("'s"):
        word = word[:-2]
    if not word.isascii():
        word = stem(word)
    elif word.isalpha():
        word = str(snowball("english").stemWord(word))
    return "".join(word[:MAX_TERM].split())


def _digits(word: str) -> str:
    """A word with the digits of all scripts as ASCII's."""
    if word.isascii():
        return word
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)


@lru_cache(maxsize=1 << 16)
def _word_terms(word: str) -> tuple[str, ...]:
    """The terms of one run of letters, digits and connectors: the whole, if it has parts, and the parts."""
    tail = ""
    if word[-1] in "+#":
        stripped = word.rstrip("+#")
        word, tail = stripped, word[len(stripped) :]
    if word.isascii() and word.isalpha() and (word.islower() or word.isupper()) and not tail:
        return (_term(word),)
    if not word.isascii():
        word = _JOINED.sub("", word).replace("٫", ".")
    word = word.strip("_")
    inner = _ASCII_INNER if word.isascii() else _any()[1]
    parts: list[str] = []
    whole = ""
    pieces = _split(word)
    for i, piece in enumerate(pieces):
        if piece in _CONNECTORS:
            # 1.2.3 and 2026-01-05 are not 123 and 20260105
            whole += piece if pieces[i - 1][-1].isdigit() and pieces[i + 1][0].isdigit() else ""
            continue
        whole += piece
        parts += list(inner.findall(piece)) if _mixed(piece) else [piece]
    terms = [_term(p) for p in parts]
    if tail:
        terms.insert(0, (whole.casefold() + tail)[:MAX_TERM])
    elif len(parts) > 1:
        terms.insert(0, _term(whole))
    return tuple(t for t in terms if t)


_CONNECTORS = frozenset("-._‐‑'’\u200c")
_ASCII_CONNECTORS = re.compile(r"([-._])[-._]*")


def _split(word: str) -> list[str]:
    """Pieces and single connectors in turn. An apostrophe divides only l'eau and the like."""
    if word.isascii() and "'" not in word:
        return _ASCII_CONNECTORS.split(word)
    pieces = [""]
    for i, c in enumerate(word):
        if c in "'’":
            head, rest = pieces[-1], word[i + 1 :]
            if not (0 < len(head) <= 2 and len(rest) > 2 and rest[2:3].isalpha()):
                pieces[-1] += "'"
                continue
        if c in _CONNECTORS:
            if pieces[-1] in _CONNECTORS or not pieces[-1]:
                continue
            pieces += [c, ""]
        else:
            pieces[-1] += c
    return pieces


def _mixed(piece: str) -> bool:
    """Test for a compound piece: an inner capital, or letters next to digits."""
    if "'" in piece:
        return False
    letters = piece.isalpha()
    if letters and (piece.islower() or piece.isupper() or piece.istitle()):
        return False
    return not piece.isdigit()


def _chunks(text: str) -> Iterator[tuple[int, int, Sequence[str]]]:
    """(start, end, terms) of every stretch that has terms, in order."""
    found = (_ASCII if text.isascii() else _any()[0]).finditer(text)
    for match in found:
        start, end = match.span()
        piece = match.group()
        if not piece.isascii() and not unicodedata.is_normalized("NFKC", piece):
            # normalised here and not before, so that places in the text stay true
            yield start, end, terms_of(unicodedata.normalize("NFKC", piece))
        elif match.lastgroup == "word":
            yield start, end, _word_terms(piece)
        elif match.lastgroup == "number":
            yield start, end, (_digits(piece.replace(",", "").replace("٬", ""))[:MAX_TERM],)
        elif len(piece) == 1:
            yield start, end, (piece,)
        else:
            for i in range(len(piece) - 1):
                yield start + i, start + i + 2, (piece[i : i + 2],)


def terms_of(text: str) -> list[str]:
    """The index terms of a text, in order. None of them holds white space."""
    if not text.isascii():
        return [term for _, _, terms in _chunks(text) for term in terms]
    found: list[str] = []
    for number, word in _ASCII.findall(text):  # the same without places, and faster
        if word:
            found += _word_terms(word)
        else:
            found.append(number.replace(",", "")[:MAX_TERM])
    return found


def spans(text: str, wanted: Container[str]) -> list[tuple[int, int]]:
    """Spans [start, end) of the wanted terms in a text, in order, overlapping ones joined."""
    found: list[tuple[int, int]] = []
    for start, end, terms in _chunks(text):
        if any(t in wanted for t in terms):
            if found and found[-1][1] > start:
                start = found.pop()[0]
            found.append((start, end))
    return found


def characters_of(text: str) -> list[str]:
    """The characters of scripts without spaces, one by one: what a query of a lone character finds."""
    if text.isascii():
        return []
    found: list[str] = _any()[3].findall(unicodedata.normalize("NFKC", text))
    return found


def is_lone(term: str) -> bool:
    """Test for a term of one character in a script without blanks."""
    return len(term) == 1 and not term.isascii() and _any()[3].match(term) is not None


@lru_cache(maxsize=2)
def _stops(ascii_letters: bool) -> frozenset[str]:
    return STOP | {_term(word) for word in STOP if word.isascii() is ascii_letters}


def is_stop(term: str) -> bool:
    """Test for a stop word."""
    return term in _stops(term.isascii())
