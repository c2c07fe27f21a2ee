"""Stretches of text to spans that fit: what semantic-text-splitter does not promise by itself.

- time grows with the length, not its square: the splitter looks at everything that is left again and
  again where a text has no boundaries, so a long text passes through a window that slides;
- a cut never separates a mark from what it sits on, nor an opening quote from what is said;
- what is counted is what will be encoded, with all that stands in front of a passage.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from qembed.corpus.chunking.chunk_places import markdown_chunks, text_chunks
from qembed.corpus.chunking.table_splitter import mended
from qembed.corpus.markdown import fenced

if TYPE_CHECKING:
    from semantic_text_splitter import MarkdownSplitter, TextSplitter

Span: TypeAlias = tuple[int, int]
"""[start, end) in characters."""

WINDOW = 16, 64
"""Characters of a window for each token of capacity, plain and Markdown.

Sixteen hold three or four passages of English, a dozen of Chinese. Markdown gets more because a window
that begins anew has forgotten the list or quote it is in. Also bounds what a tokenizer that takes a
thousand letters for one unknown token can make of a blob.
"""
MIN_WINDOW = 2000
MAX_TRIES = 5
MAX_MARKS = 32
"""Marks on one character, beyond which it is no text and may be cut."""
STICKY = frozenset("\u200c\u200d\u0e33\u0eb3\uff9e\uff9f🏻🏼🏽🏾🏿")
"""Extend the character before them without being marks by category: joiners, vowels, skin tones."""


class TokenWindow:
    """Cuts stretches of texts into spans. `tokens` counts without special ones, `overlap(capacity)` too."""

    def __init__(self, tokens: Callable[[str], int], overlap: Callable[[int], int]) -> None:
        self._tokens = tokens
        self._overlap = overlap
        self._text: dict[tuple[int, int], TextSplitter] = {}
        self._markdown: dict[tuple[int, int], MarkdownSplitter] = {}

    def spans(
        self,
        text: str,
        stretch: Span,
        markdown: bool,
        room: Callable[[int, int], int],
        excess: Callable[[int, int], int],
    ) -> Iterator[Span]:
        """Spans that cover a stretch, in order.

        `room(start, end)`: tokens that a passage in there may have; `excess(start, end)`: by how many
        what is encoded for a passage is too long.
        """
        at, stop = stretch
        window = max(MIN_WINDOW, WINDOW[markdown] * room(at, at))
        fences = fenced(text) if markdown and stop - at > window else []
        while at < stop:
            end = min(at + window, stop)
            if markdown and end < stop:
                # half a table's row would be taken for what stands behind the table
                end = text.rfind("\n", at + window // 2, end) + 1 or end
            found = self._fitted(text, at, end, markdown, room, excess)
            if end < stop:
                last = _restart([start for start, _ in found], fences)
                if last and found[last][0] > at:
                    # that one was cut off by the window, or by the block it is in: it begins the next
                    end = found[last][0]
                    found = found[:last]
                else:
                    # no boundary in all of the window: one has to be made
                    end = at + _cut(text[at:end])
                    found = self._fitted(text, at, end, markdown, room, excess)
            yield from found
            at = end

    def _fitted(
        self,
        text: str,
        at: int,
        end: int,
        markdown: bool,
        room: Callable[[int, int], int],
        excess: Callable[[int, int], int],
    ) -> list[Span]:
        """Spans of a window, each of which fits, as far as that can be.

        Tokens of two texts do not always add up to those of both in one, and a shorter text may have more
        tokens than a longer one: what matters is counted, and where it is too much, cut shorter.
        """
        part = text[at:end]
        capacity = room(at, end)
        for _ in range(MAX_TRIES):
            spans = [(at + a, at + b) for a, b in self._cut_into(part, markdown, capacity)]
            over = max((excess(a, b) for a, b in spans), default=0)
            if over <= 0 or capacity == 1:
                break
            capacity = max(1, capacity - over)
        return spans

    def _cut_into(self, text: str, markdown: bool, capacity: int) -> list[Span]:
        def split(at: int, end: int) -> list[Span]:
            found = []
            for start, chunk in self._chunks(text[at:end], markdown, capacity):
                first, last = whole(text, at + start), whole(text, at + start + len(chunk))
                if text[first:last].strip():
                    found.append((first, last))
            return found

        def tokens(start: int, end: int) -> int:
            long = end - start > WINDOW[0] * capacity
            return capacity + 1 if long else self._tokens(text[start:end])

        spans = split(0, len(text))
        if markdown and "|" in text:
            return mended(text, spans, capacity, tokens, split)
        return spans

    def _chunks(self, text: str, markdown: bool, capacity: int) -> list[tuple[int, str]]:
        if not markdown:
            splitter = self._text_splitter(capacity)
            return text_chunks(splitter, text, capacity, self._tokens)
        overlap = self._overlap(capacity)
        if (capacity, overlap) not in self._markdown:
            from semantic_text_splitter import MarkdownSplitter

            made = MarkdownSplitter.from_callback(self._tokens, capacity, overlap)
            self._markdown[capacity, overlap] = made
        cutter = self._markdown[capacity, overlap]
        if not overlap:
            return cutter.chunk_indices(text)
        return markdown_chunks(cutter, text, lambda: self._chunks(text, False, capacity))

    def _text_splitter(self, capacity: int) -> TextSplitter:
        overlap = self._overlap(capacity)
        if (capacity, overlap) not in self._text:
            from semantic_text_splitter import TextSplitter

            made = TextSplitter.from_callback(self._tokens, capacity, overlap)
            self._text[capacity, overlap] = made
        return self._text[capacity, overlap]


def whole(text: str, at: int) -> int:
    """A cut, moved to before the character that a reader would see split.

    The splitter keeps such characters whole but for two cases: it trims the space a mark sits on, and it
    takes a mark that follows a letter of another script for a word. By Unicode's rules an opening quote
    belongs to the sentence before it (`。「`): it goes with the one that it opens.
    """
    to = at
    while 0 < to < len(text) and _sticks(text[to]) and not _is_control(text[to - 1]):
        to -= 1
        if at - to > MAX_MARKS:
            return at
    # behind white space a passage begins where the splitter says, and the sign would be in neither
    opens = 1 < to < len(text) and not text[to].isspace()
    if opens and unicodedata.category(text[to - 1]) in ("Ps", "Pi"):
        before = unicodedata.category(text[to - 2])
        return to - 1 if before in ("Po", "Pe", "Pf") else to
    return to


def _sticks(character: str) -> bool:
    """Test for a character that belongs to the one before it."""
    return character in STICKY or unicodedata.category(character)[0] == "M"


def _is_control(character: str) -> bool:
    """Test for a character that takes no combining mark: line ends and the like."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cf") and character not in STICKY


def _restart(starts: list[int], fences: list[Span]) -> int:
    """Index of the passage that begins the next window: the last, or one before it outside a fence; 0: none.

    Begun inside a block of code, a window would take the end of the block for the start of another.
    """
    last = max(0, len(starts) - 1)
    for i in range(last, 0, -1):
        before = bisect_left(fences, (starts[i], 0)) - 1
        if before < 0 or fences[before][1] <= starts[i]:
            return i
    return last


def _cut(text: str) -> int:
    """Position late in a text without boundaries where it may be cut: between grapheme clusters."""
    from semantic_text_splitter import TextSplitter

    starts = [start for start, _ in TextSplitter(len(text) // 2, trim=False).chunk_indices(text)]
    return starts[-1] or len(text)
