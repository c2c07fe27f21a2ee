"""Overlap of neighbouring passages: where a passage begins that repeats the end of the one before.

It begins at a sentence or line if that repeats at least half of what is wanted, else at a word. Nothing is
repeated over the beginning of a section, and of a table whole rows only.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from qembed.corpus.chunking.text_splitter import WINDOW, whole

if TYPE_CHECKING:
    from qembed.corpus.chunking.text_splitter import Span

MAX_CLUSTER = 16
"""Code points of what a reader sees as one character, such as a family of four."""
_SENTENCES = re.compile(
    r"(?<=\n)[^\S\n]*(?=\S)|(?<=[.!?…])[\"'”’»)\]]*\s+(?=\S)|(?<=[。！？])[」』”’）]*\s*(?=\S)"
)
"""White space and closing quotes in front of a sentence or a line."""
_LINES = re.compile(r"(?<=\n)(?=[^\n]*\S)")
_WORDS = re.compile(r"\s+(?=\S)")
_CJK = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff"
_SIGNS = re.compile(f"(?<=[{_CJK}、，])(?=[{_CJK}])")
"""Scripts without spaces, whose signs may begin a passage."""


class Overlap:
    """Beginnings of passages that repeat up to `size` tokens of the one before.

    `tokens`: length of a text without special tokens. `starts`: beginnings of sections, in order. `lines`:
    True for code, which begins at lines sooner than at sentences; `rows`: True where a line with `|` is a
    table's row.
    """

    def __init__(
        self,
        text: str,
        size: int,
        tokens: Callable[[str], int],
        starts: Sequence[int] = (),
        *,
        lines: bool = False,
        rows: bool = False,
    ) -> None:
        self._text = text
        self._size = size
        self._tokens = tokens
        self._starts = starts
        self._lines = lines
        self._rows = rows

    def extend(
        self, spans: Iterable[Span], excess: Callable[[int, int], int]
    ) -> Iterator[tuple[int, int]]:
        """Spans, each but the first with the end of the one before in front.

        `excess(start, end)`: by how many tokens what is encoded for a passage is too long.
        """
        before = -1
        for start, end in spans:
            begin = start if before < 0 else self._begin(before, start, end, excess)
            yield begin, end
            before = start

    def _begin(self, before: int, start: int, end: int, excess: Callable[[int, int], int]) -> int:
        """Beginning of a passage text[start:end], the one before of which begins at `before`."""
        text = self._text
        section = bisect_left(self._starts, start + 1) - 1
        begun = self._starts[section] if section >= 0 else 0
        low = max(before + 1, begun, start - self._size * WINDOW[0])
        if low >= start:
            return start

        def repeated(at: int) -> int:
            return self._tokens(text[at:start])

        def fits(at: int) -> bool:
            return repeated(at) <= self._size and excess(at, end) <= 0

        def first(found: Iterable[int]) -> int:
            places = [at for at in found if low <= at < start and self._may_begin(at)]
            i = bisect_left(places, True, key=fits)
            return places[i] if i < len(places) else start

        lines = [
            m.end() for m in (_LINES if self._lines else _SENTENCES).finditer(text, low, start)
        ]
        if low == begun:
            lines.insert(0, low)
        best = first(_kept_whole(text, lines))
        if best < start and 2 * repeated(best) >= self._size:
            return best
        words = [m.end() for m in _WORDS.finditer(text, low, start)]
        words += [m.end() for m in _SIGNS.finditer(text, low, start)]
        places = _kept_whole(text, words)
        if not any(low <= at < start for at in places):
            places = _clusters(text, low, start)
        return min(best, first(places))

    def _may_begin(self, at: int) -> bool:
        """Test that a passage may begin there: not within a table's row."""
        if not self._rows:
            return True
        text = self._text
        line = text.rfind("\n", 0, at) + 1
        stop = text.find("\n", at)
        row = "|" in text[line : stop if stop >= 0 else len(text)]
        return not row or not text[line:at].strip()


def _kept_whole(text: str, places: Iterable[int]) -> list[int]:
    """Places in order, moved to before a character that they would split."""
    return sorted({whole(text, at) for at in places})


def _clusters(text: str, low: int, start: int) -> list[int]:
    """Places between some characters of a text without spaces."""
    from semantic_text_splitter import TextSplitter

    found = TextSplitter(MAX_CLUSTER, trim=False).chunk_indices(text[low:start])
    return _kept_whole(text, (low + at for at, _ in found if at))
