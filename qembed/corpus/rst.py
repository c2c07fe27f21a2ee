"""reStructuredText's section titles: a line with a line of one repeated mark under it, or between two.

A level is the order in which the marks first come up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from qembed.corpus.markdown import MAX_WORDS, Heading, body_start

_MARKS = re.compile(r"([!-/:-@\[-`{-~])\1*$")
_ROLE = re.compile(
    r":[\w:+.-]+:`([^`<]*?)(?:\s*<[^`>]*>)?`|``([^`]+)``|\*\*([^*]+)\*\*|\*([^*]+)\*"
)


def rst_headings(text: str) -> Iterator[Heading]:
    """The section titles of a text behind its front matter, in order, without markup.

    What is indented has a line over it, too.
    """
    levels: dict[tuple[str, bool], int] = {}
    above, line, before = "", "", 0  # the two lines before, and where the later one begins
    over = 0
    at = body_start(text)
    for whole in text[at:].splitlines(keepends=True):
        below = whole.rstrip()
        words = line.strip()
        if words and not _MARKS.match(words) and len(below) >= max(2, min(len(words), 4)):
            mark = _MARKS.match(below)
            between = bool(mark) and above == below
            if mark and (between or words == line):
                level = levels.setdefault((mark[1], between), len(levels) + 1)
                start = over if between else before
                yield Heading(start, at + len(whole), level, bare(words))
        above, line = line, below
        over, before, at = before, at, at + len(whole)


def is_mark(line: str) -> bool:
    """Test for a line of one repeated mark, at least two of it."""
    return len(line) > 1 and _MARKS.match(line) is not None


def bare(words: str) -> str:
    """Words of a title or field on one line, without markup; what is over MAX_WORDS is cut off."""
    words = words[:MAX_WORDS]
    return " ".join(_ROLE.sub(lambda m: m[m.lastindex or 0], words).split())


def rst_title(text: str) -> str:
    """The first section title, "" if there is none near the top."""
    return next((h.words for h in rst_headings(text[: 1 << 16])), "")
