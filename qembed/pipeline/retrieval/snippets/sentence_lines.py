"""Lines of sentences in files whose text is not the file: markup, mail, notebooks, subtitles.

The sentence is looked for in the file as it is now, so that a line that is told is true.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from qembed.corpus.formats import format_of
from qembed.inputs import sees_file
from qembed.types import Hit

SEARCHED = frozenset(("html", "xhtml", "xml", "mail", "notebook", "subtitles"))
"""Formats of text in which a reader leaves words as they stand."""
MAILBOX = "mailbox"
_HEADERS_END = re.compile(r"\n\r?\n")
_NEXT_MESSAGE = re.compile(r"\n\r?\nFrom ")
MAX_BYTES = 8 << 20
"""Size of a file up to which it is read for a line."""
MOST_WORDS, LEAST_WORDS = 8, 3
_BETWEEN = r"(?:[^\w<]|<[^<>]*>|\\n)+"
"""What may stand between two words: white space, punctuation, tags, escaped line ends."""


def with_sentence_line(hit: Hit) -> Hit:
    """Add the line of its snippet to a hit whose lines are not known, if it is found in the file.

    Of a message in a mailbox, in its lines, which begin at the hit's.
    """
    if hit.path is None or hit.snippet is None:
        return hit
    path = Path(hit.path)
    form, message = format_of(path.name), re.fullmatch(r"message=\d+", hit.fragment)
    if hit.line is not None or hit.fragment:
        wanted = form == MAILBOX and hit.line is not None and message is not None
    else:
        wanted = form in SEARCHED
    if not wanted or not sees_file(path):
        return hit
    s = hit.snippet
    line = find_line(path, hit.passage.text[s.start : s.end], hit.line)
    return hit if line is None else replace(hit, snippet=s._replace(line=line))


def find_line(path: Path, sentence: str, message: int | None = None) -> int | None:
    """Line of a file, 1-based, in which the words of a sentence begin; None if they are not found.

    `message`: the first line of a message, the body of which alone is searched.
    """
    words = re.findall(r"\w+", sentence)
    try:
        if path.stat().st_size > MAX_BYTES:
            return None
        text = path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return None
    start, end = (0, len(text)) if message is None else _body(text, message)
    # first by many words: a few may stand elsewhere too
    for n in sorted({min(len(words), n) for n in (MOST_WORDS, LEAST_WORDS)} - {0}, reverse=True):
        pattern = _BETWEEN.join(map(re.escape, words[:n]))
        if found := re.compile(rf"(?<!\w){pattern}(?!\w)").search(text, start, end):
            return text.count("\n", 0, found.start()) + 1
    return None


def _body(text: str, line: int) -> tuple[int, int]:
    """(start, end) of the body of the message that begins in a line of a mailbox, from 1."""
    first = 0
    for _ in range(line - 1):
        first = text.find("\n", first) + 1
    headers = _HEADERS_END.search(text, first)
    if headers is None:
        return first, first
    following = _NEXT_MESSAGE.search(text, headers.start())
    return headers.end(), len(text) if following is None else following.start()
