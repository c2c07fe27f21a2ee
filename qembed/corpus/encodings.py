"""Character encodings: names, declarations in a file's first lines, and guesses for text that has neither.

Guesses are chardetng's (Firefox's detector, made for short Western text too), with two additions of what
no web page is in: DOS and Mac code pages, and UTF-16 or UTF-32 without a byte order mark.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from functools import lru_cache

SAMPLE_BYTES = 1 << 16
"""Bytes that a guess looks at."""

_SUPERSETS = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "big5": "big5hkscs",
}
"""Codec -> the codec that reads everything it reads, and what is found in such files besides."""
_ALIASES = {
    "windows-874": "cp874",
    "iso-8859-8-i": "iso8859-8",
    "iso-8859-8-e": "iso8859-8",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "ms_kanji": "cp932",
    "x-gbk": "gb18030",
    "x-euc-jp": "euc_jp",
    "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "x-cp1252": "cp1252",
    "utf8mb4": "utf-8",
    "unicode-1-1-utf-8": "utf-8",
    "unicode-1-1-utf-7": "utf-7",
    "unicode": "utf-16",
    "ansi": "cp1252",
}
"""Names in use that Python does not know."""


@lru_cache(maxsize=64)
def codec(name: str) -> str | None:
    """The Python codec for an encoding's name, None if there is none. ISO-8859-1 is windows-1252's subset."""
    name = name.strip().strip("\"'").lower()
    try:
        found = codecs.lookup(_ALIASES.get(name, name))
    except (LookupError, ValueError):
        return None
    if not found._is_text_encoding or found.name in ("idna", "punycode", "undefined"):
        return None
    return None if "escape" in found.name else _SUPERSETS.get(found.name, found.name)


_DECLARED = re.compile(
    rb"""<\?xml[^>]{1,200}?\sencoding\s*=\s*["']([\w.:-]+)"""
    rb"""|<meta[^>]{1,200}?charset\s*=\s*["']?\s*([\w.:-]+)"""
    rb"""|^@charset\s+"([\w.:-]+)"""
    rb"""|\\usepackage\[(\w+)\]\{inputenc\}"""
    rb"""|charset=([\w.:-]+)\\n"""
    rb"""|^[^\n]{0,80}(?:-\*-[^\n]{0,80})?\b(?:file)?(?:en)?coding[:=]\s*([\w.-]+)""",
    re.I | re.M,
)
_TEX = {"latin1": "cp1252", "latin9": "iso8859-15", "ansinew": "cp1252", "applemac": "mac_roman"}


def declared(head: bytes) -> str | None:
    """The codec named in a file's first kilobytes: XML, HTML, CSS, TeX, gettext, Emacs, Vim, Python."""
    found = _DECLARED.search(head[:4096])
    if found is None:
        return None
    name = found[found.lastindex or 0].decode("ascii")
    known = codec(_TEX.get(name.lower(), name))
    # UTF-16 cannot be declared in ASCII, and UTF-8 was tried before anybody asks here
    return None if known is None or known.startswith("utf") else known


_LATIN = frozenset(["cp1250", "cp1254", "cp1257", "cp1258", "iso8859-2", "iso8859-4", "iso8859-13"])
"""What chardetng tells from cp1252 by a few letters only."""
_LETTER = re.compile(
    rb"(?i:(?<=[a-z])[\x8a-\x8f\x9a-\x9f\xa0-\xff]|[\x8a-\x8f\x9a-\x9f\xa0-\xff](?=[a-z]))"
)
MIN_LETTERS = 3
"""Letters with bytes over 0x7F that tell one Latin alphabet from another."""


def guess(data: bytes) -> str:
    """The likeliest codec of text that is not UTF-8; cp1252 where little speaks for another."""
    data = data[:SAMPLE_BYTES]
    found = _detected(data, None)
    if found in _LATIN and len(_LETTER.findall(data)) < MIN_LETTERS:
        found = _detected(data, b"fr")  # a domain where cp1252 is what one expects
    return _before_windows(data, found) or found if found in ("cp1250", "cp1252") else found


def _detected(data: bytes, domain: bytes | None) -> str:
    from chardetng_py.detector import EncodingDetector

    detector = EncodingDetector()
    detector.feed(data, last=len(data) < SAMPLE_BYTES)
    return codec(detector.guess(tld=domain, allow_utf8=False)) or "cp1252"


_OLD = re.compile(
    rb"(?<=[a-z])[\x81\x82\x84\x88\x8a\x8c\x8d-\x90\x98\x9d\x9f]"
    rb"|(?<=[a-z])[\x80\x86\x87\x89\x8b\x93\x94\x99\x9b](?=[a-z\x80-\xff])"
)
"""What stands after a small letter in no text of Windows' code pages: signs that open, and capitals."""
_LETTERS = frozenset("éèêëàâäáãåçîïíôöóõûüúùñßæøœ")


def _before_windows(data: bytes, windows: str) -> str | None:
    """The code page of DOS or the Mac, where signs of a code page of Windows stand inside words."""
    found = [byte for byte in _OLD.findall(data) if not byte.decode(windows, "replace").islower()]
    if not found or 4 * len(found) < sum(byte > 0x7F for byte in data):
        return None
    return max(
        ("cp850", "mac_roman"),
        key=lambda name: sum(byte.decode(name) in _LETTERS for byte in found),
    )


_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")


def without_mark(head: bytes) -> str | None:
    """The UTF-16 or UTF-32 codec of the beginning of a text without a byte order mark, None if it is neither.

    Such text has NULs, or control characters no text has. Read right it has neither, and its letters are
    of one or two scripts.
    """
    best, most = None, 0.0
    for name in _WIDE:
        size = 4 if "32" in name else 2
        if len(head) < 2 * size:
            continue
        try:
            text = codecs.getincrementaldecoder(name)().decode(head[: len(head) // size * size])
        except UnicodeDecodeError:
            continue
        likely = _likelihood(text)
        # pairs of ASCII bytes are Chinese in UTF-16
        if likely < 1.8 and 10 * len(_NO_ASCII.findall(head)) < len(head):
            continue
        if likely > most:
            best, most = name, likely
    return best


_NO_ASCII = re.compile(rb"[\x01-\x08\x0e-\x1f\x7f-\xff]")
_SIGNS = frozenset(
    (
        *range(0x2000, 0x2070),  # punctuation
        *range(0x20A0, 0x20D0),  # currencies
        *range(0x2100, 0x2200),  # letter-like signs, arrows
        *range(0x3000, 0x3020),
        *range(0xFF00, 0xFF66),
    )
)
_LATIN1 = frozenset((*range(0x20, 0x7F), *range(0xA0, 0x100), 9, 10, 12, 13))


def _likelihood(text: str) -> float:
    """Up to 2 for text, more with more ASCII and punctuation in it; 0 for what is none."""
    scripts: Counter[str] = Counter()
    known = 0
    for character, n in Counter(text).items():
        code = ord(character)
        if code in _LATIN1 or code in _SIGNS:
            known += n
        elif code < 0x20 or unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs"):
            return 0.0
        else:
            scripts[_script(character)] += n
    most = sum(n for _, n in scripts.most_common(1 if len(text) < 40 else 2))
    # a few letters of any script prove nothing
    if known + most < 0.95 * len(text) or (len(text) < 8 and known < 0.75 * len(text)):
        return 0.0
    return (known + most + known) / len(text)


def _script(character: str) -> str:
    """The first word of a character's name; one for all that Japanese is written in."""
    word = unicodedata.name(character, "?").partition(" ")[0].partition("-")[0]
    return "CJK" if word in ("HIRAGANA", "KATAKANA", "IDEOGRAPHIC") else word
