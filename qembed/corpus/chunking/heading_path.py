"""Under which headings each part of a document stands: `Guide > Refunds > Deadlines`."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from qembed.corpus.markdown import Heading, body_start, headings, strip_inline
from qembed.corpus.rst import rst_headings

BETWEEN = " > "
MAX_PART = 120
"""Characters of one heading in a path: what is longer is cut, so that paths stay short."""


class HeadingPaths:
    """The headings of a text, in order, each with the path down to it. `begin`: where its words begin."""

    def __init__(self, found: Iterable[Heading], begin: int = 0) -> None:
        self._begin = begin
        self.starts: list[int] = []
        self._ends: list[int] = []
        self.paths: list[str] = []
        above: list[tuple[int, str]] = []
        for heading in found:
            words = _short(heading.words)
            if not words:
                continue
            while above and above[-1][0] >= heading.level:
                above.pop()
            above.append((heading.level, words))
            self.starts.append(heading.start)
            self._ends.append(heading.end)
            self.paths.append(BETWEEN.join(w for _, w in above))

    @classmethod
    def of(cls, text: str, suffix: str, markdown: bool) -> HeadingPaths:
        """The outline of a text: of Markdown, or of a file whose suffix says how headings look in it."""
        if markdown:
            plain = (h._replace(words=strip_inline(h.words)) for h in headings(text))
            return cls(plain, body_start(text))
        return cls(rst_headings(text) if suffix == ".rst" else ())

    def path(self, text: str, start: int, end: int) -> str:
        """The path over text[start:end]: what its first words that are no heading stand under.

        So the headings that a passage opens with count as its own. "" before the first heading.
        """
        i = bisect_right(self.starts, start) - 1
        at = max(start, self._ends[i] if i >= 0 else self._begin)
        while i + 1 < len(self.starts) and self.starts[i + 1] < end:
            if text[at : self.starts[i + 1]].strip():
                break
            i += 1
            at = self._ends[i]
        return self.paths[i] if i >= 0 else ""

    def within(self, start: int, end: int) -> list[str]:
        """The paths that something in [start, end) may stand under."""
        first = max(0, bisect_right(self.starts, start) - 1)
        return self.paths[first : bisect_left(self.starts, end)]


def _short(words: str) -> str:
    if len(words) <= MAX_PART:
        return words
    cut = words[: MAX_PART - 1]
    return (cut[: cut.rfind(" ")] if " " in cut else cut) + "…"
