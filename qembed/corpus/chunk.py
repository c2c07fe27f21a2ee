"""A document to passages that fit a model: cut at headings, paragraphs, sentences, words, in that order.

Where to cut is semantic-text-splitter's work; this file sees to what it does not promise:

- a passage and the title in front of it fit *together*, counted as they will be encoded;
- time grows with the length, not its square: the splitter looks at everything that is left again and
  again where a text has no boundaries, so a long text passes through a window that slides;
- a cut never separates a mark from what it sits on.

It does not encode, and it imports no tokenizer: it is given one, or a function that counts.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from qembed.corpus.contents import suffix
from qembed.corpus.markdown import fenced
from qembed.errors import UsageError
from qembed.types import Document, Passage

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

_MARKDOWN = (".md", ".markdown", ".html", ".htm", ".xhtml", ".ipynb", ".epub", ".docx", ".pptx")
"""Whose text is Markdown, or becomes it when read."""


def with_title(title: str, text: str) -> str:
    """The text that is encoded for a passage: its title in front, unless it begins with it anyway."""
    return text if not title or text.startswith(title) else f"{title} {text}".strip()


class Chunker:
    """Splits documents into passages of at most `max_tokens` tokens, title and special tokens included.

    `kind`: "auto" cuts, "none" makes one passage of a whole document. `overlap`: tokens that a passage
    may repeat of the one before, less where a title leaves less room. `tokenizer`: a
    `tokenizers.Tokenizer` that neither truncates nor pads; `count`: tokens of a text, special ones
    included, for models without such a tokenizer. `render(title, text)` is the text that is encoded.
    Raises UsageError if the overlap leaves no room, or if there is nothing to count with.
    """

    def __init__(
        self,
        *,
        kind: Literal["auto", "none"],
        max_tokens: int,
        overlap: int,
        tokenizer: object | None = None,
        count: Callable[[str], int] | None = None,
        render: Callable[[str, str], str] = with_title,
    ) -> None:
        self.kind = kind
        self.max_tokens = max_tokens
        self.overlap = overlap
        self._render = render
        self._splitters: dict[tuple[bool, int, int], TextSplitter | MarkdownSplitter] = {}
        if kind == "none":
            return
        if tokenizer is not None:
            count = _counter(tokenizer)
        elif count is None:
            raise UsageError(
                "cutting into passages needs a tokenizer or a way to count (--chunker none)"
            )
        # The splitter asks for the same stretches again and again: remembering the answers makes it half
        # as fast again, and faster than its own way with a tokenizer, which also copies the vocabulary.
        self._count = lru_cache(maxsize=1024)(count)
        self._special = self._count("")
        self._frame = self._count(render("", ""))
        self._room = max_tokens - self._frame
        if self._room < 1:
            raise UsageError(f"{max_tokens} tokens a passage leave no room for text")
        if not 0 <= overlap < self._room:
            raise UsageError(
                f"an overlap of {overlap} tokens does not fit into passages of {self._room} "
                f"({max_tokens} less the model's own): make it less than half"
            )
        self._floor = min(max(32, max_tokens // 2), self._room)

    def kind_of(self, name: str) -> str:
        """How a document of this id is cut: "none", "markdown" or "text"."""
        if self.kind == "none":
            return "none"
        return "markdown" if suffix(name.partition("#chapter=")[0]) in _MARKDOWN else "text"

    def fit_title(self, title: str) -> str:
        """The part of a title that leaves at least half of a passage to the text; mostly all of it."""
        if self.kind == "none" or not title or self._title_fits(title):
            return title
        ends = [m.end() for m in re.finditer(r"\S+", title)]
        most = bisect_left(ends, True, key=lambda end: not self._title_fits(title[:end]))
        return title[: ends[most - 1]] if most else ""

    def _title_fits(self, title: str) -> bool:
        return self._title_cost(title) <= self._room - self._floor

    def _title_cost(self, title: str) -> int:
        return self._count(self._render(title, "")) - self._frame

    def split(self, document: Document) -> list[Passage]:
        """The document's passages, in order, covering all that is not white space.

        A document without text has a passage if it has a title, so that it can be found by that.
        A passage has at most `max_tokens` tokens as `render(fit_title(title), passage.text)`.
        """
        text = document.text
        blank = not text or text.isspace()
        if blank and not document.title:
            return []
        if self.kind == "none":
            spans = [(0, len(text))]
        elif blank:
            spans = [(0, 0)]
        else:
            markdown = self.kind_of(document.id) == "markdown"
            reached = 0
            spans = []
            for start, end in self._spans(text, markdown, self.fit_title(document.title)):
                # with an overlap, one can lie inside the one before, and would add nothing
                if end > reached:
                    spans.append((start, end))
                    reached = end
        newlines = [m.start() for m in re.finditer("\n", text)]
        return [
            Passage(
                document.id,
                seq,
                start,
                end,
                text[start:end],
                bisect_left(newlines, start) + 1,
                bisect_left(newlines, max(start, end - 1)) + 1,
            )
            for seq, (start, end) in enumerate(spans)
        ]

    # ── the sliding window ───────────────────────────────────────────────────────────────────────

    def _spans(self, text: str, markdown: bool, title: str) -> Iterator[Span]:
        capacity = max(self._room - self._title_cost(title), 1) if title else self._room
        window = max(MIN_WINDOW, WINDOW[markdown] * capacity)
        fences = fenced(text) if markdown and len(text) > window else []
        at = 0
        while at < len(text):
            end = min(at + window, len(text))
            found = self._window(text[at:end], markdown, capacity, title)
            if end < len(text):
                last = _restart([at + start for start, _ in found], fences)
                if last and found[last][0]:
                    # that one was cut off by the window, or by the block it is in: it begins the next
                    end = at + found[last][0]
                    found = found[:last]
                else:
                    # no boundary in all of the window: one has to be made
                    end = at + _cut(text[at:end])
                    found = self._window(text[at:end], markdown, capacity, title)
            yield from ((at + a, at + b) for a, b in found)
            at = end

    def _window(self, text: str, markdown: bool, capacity: int, title: str) -> list[Span]:
        """Spans of a window's text, each of which fits with the title, as far as that can be.

        Tokens of two texts do not always add up to those of both in one, and a shorter text may have more
        tokens than a longer one: what matters is counted, and where it is too much, cut shorter.
        """
        for _ in range(MAX_TRIES):
            spans = self._cut_into(text, markdown, capacity)
            tokens = [self._count(self._render(title, text[a:b])) for a, b in spans]
            excess = max(tokens, default=0) - self.max_tokens
            if excess <= 0 or capacity == 1:
                break
            capacity = max(1, capacity - excess)
        return spans

    def _cut_into(self, text: str, markdown: bool, capacity: int) -> list[Span]:
        spans = []
        for start, chunk in self._splitter(markdown, capacity).chunk_indices(text):
            first, last = _whole(text, start), _whole(text, start + len(chunk))
            if text[first:last].strip():
                spans.append((first, last))
        return spans

    def _splitter(self, markdown: bool, capacity: int) -> TextSplitter | MarkdownSplitter:
        overlap = (
            self.overlap * capacity // self._room
        )  # in proportion, so always less than capacity
        key = (markdown, capacity, overlap)
        if key not in self._splitters:
            from semantic_text_splitter import MarkdownSplitter, TextSplitter

            kind = MarkdownSplitter if markdown else TextSplitter
            self._splitters[key] = kind.from_callback(self._bare, capacity, overlap)
        return self._splitters[key]

    def _bare(self, text: str) -> int:
        """Tokens of a text without the special ones."""
        return max(0, self._count(text) - self._special)


def _counter(tokenizer: Any) -> Callable[[str], int]:
    """Counts with a `tokenizers.Tokenizer`, special tokens included."""
    if tokenizer.truncation is not None or tokenizer.padding is not None:
        raise ValueError("a tokenizer that truncates or pads cannot count")
    # leaves out the offsets, which nobody asks for here
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)
    return lambda text: len(encode([text])[0])


def _whole(text: str, at: int) -> int:
    """A cut, moved to before the character that a reader would see split.

    The splitter keeps such characters whole but for two cases: it trims the space a mark sits on, and it
    takes a mark that follows a letter of another script for a word.
    """
    to = at
    while 0 < to < len(text) and _sticks(text[to]) and not _is_control(text[to - 1]):
        to -= 1
        if at - to > MAX_MARKS:
            return at
    return to


def _sticks(character: str) -> bool:
    """Whether a character belongs to the one before it."""
    return character in STICKY or unicodedata.category(character)[0] == "M"


def _is_control(character: str) -> bool:
    """Whether nothing can belong to a character: line ends and the like."""
    return unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cf") and character not in STICKY


def _restart(starts: list[int], fences: list[Span]) -> int:
    """Which passage begins the next window: the last, or one before it that is not in fenced code; 0: none.

    Begun inside a block of code, a window would take the end of the block for the start of another.
    """
    last = max(0, len(starts) - 1)
    for i in range(last, 0, -1):
        before = bisect_left(fences, (starts[i], 0)) - 1
        if before < 0 or fences[before][1] <= starts[i]:
            return i
    return last


def _cut(text: str) -> int:
    """Where a text without boundaries may be cut, late in it: between characters as people see them."""
    from semantic_text_splitter import TextSplitter

    starts = [start for start, _ in TextSplitter(len(text) // 2, trim=False).chunk_indices(text)]
    return starts[-1] or len(text)
