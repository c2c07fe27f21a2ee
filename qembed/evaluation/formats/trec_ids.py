r"""Ids in TREC columns, which are separated by white space and so cannot hold any.

An id with white space is written in quotes, with JSON's escapes for white space, quotes and
backslashes: `my file.md` as `"my\u0020file.md"`. So is an id that would be read as something else: a
comment, the beginning of JSON, or an id in quotes that this writer could have written. Reading undoes
exactly what was written; other ids in quotes are left as they are.
"""

from __future__ import annotations

import json
import re

from qembed.evaluation.formats.json_records import is_text

_ENCODED = re.compile(r'"(?:[^"\\\s]|\\u[0-9a-f]{4})+"')
# at the beginning of a file or line: JSON, a byte order mark, archives, a comment
_MISREAD = re.compile(r'[\[{]["{]|\ufeff|BZh|PK\x03|#+$')

# nearly all ids, for which one match is enough
_PLAIN = re.compile(r"(?!BZh)[0-9A-Za-z][!-~]*")


def fits_columns(name: str) -> bool:
    """True for an id or tag that is one word of text.

    Wider than what the reader splits at: other readers use str.split, which cuts at U+3000 too.
    """
    return bool(name) and name.split() == [name] and "\0" not in name and is_text(name)


def encode_id(name: str) -> str:
    """The id as one word that `decode_id` reads as this id: itself wherever possible."""
    if _PLAIN.fullmatch(name):
        return name
    if fits_columns(name) and not _MISREAD.match(name) and decode_id(name) == name:
        return name
    escaped = (f"\\u{ord(c):04x}" if c.isspace() or c in '"\\\0' else c for c in name)
    return f'"{"".join(escaped)}"'


def decode_id(word: str) -> str:
    """The id that `encode_id` writes as this word; the word itself if it writes none so."""
    if not word.startswith('"') or not _ENCODED.fullmatch(word):
        return word
    name = json.loads(word, strict=False)
    return name if isinstance(name, str) and encode_id(name) == word else word
