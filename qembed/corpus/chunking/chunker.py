"""A document to passages that fit a model: cut along definitions, headings, tables, paragraphs, sentences.

Where to cut running text is semantic-text-splitter's work (window.py has what it does not promise), where
to cut code is tree-sitter's (grammars.py). This file chooses between them, and sees to it that a
passage and what stands in front of it fit *together*, counted as they will be encoded.

It does not encode, and it imports no tokenizer: it is given one, or a function that counts.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Literal, TypeAlias

from qembed.corpus.chunking import grammars
from qembed.corpus.chunking.code_splitter import MAX_TEXT, Source
from qembed.corpus.chunking.heading_path import BETWEEN, HeadingPaths
from qembed.corpus.chunking.overlap import Overlap
from qembed.corpus.chunking.text_splitter import WINDOW, Span, TokenWindow, whole
from qembed.corpus.chunking.token_counts import counter
from qembed.corpus.formats import suffix
from qembed.errors import UsageError
from qembed.types import Document, Passage

Named: TypeAlias = tuple[int, int, str]
"""Start and end of a passage, and what it defines."""

LABEL = 16
"""Tokens that are left for the names in front of code, if they are put there."""

_MARKDOWN = (
    *(
        ".md",
        ".markdown",
        ".mdx",
        ".qmd",
        ".rmd",
        ".html",
        ".htm",
        ".xhtml",
        ".xht",
        ".ipynb",
        ".epub",
    ),
    *(".xml", ".rss", ".atom", ".dita", ".dbk", ".tei", ".fb2"),
    *(".docx", ".docm", ".dotx", ".dotm", ".pptx", ".pptm", ".ppsx", ".ppsm", ".potx", ".potm"),
)
"""Whose text is Markdown, or becomes it when read."""


def with_title(title: str, text: str, label: str = "") -> str:
    """The text that is encoded for a passage: its title in front, unless it begins with it anyway."""
    return text if not title or text.startswith(title) else f"{title} {text}".strip()


class Chunker:
    """Splits documents into passages of at most `max_tokens` tokens, title and special tokens included.

    `kind`: "auto" cuts, "none" makes one passage of a whole document. `overlap`: tokens that a passage
    repeats of the one before, less where a title leaves less room: at every border within a section, or,
    for `overlap_within` "paragraph", only where a paragraph is cut; whole definitions repeat nothing.
    `tokenizer`: a `tokenizers.Tokenizer` that neither truncates nor pads; `count`: tokens of a text,
    special ones included, for models without such a tokenizer. `render(title, text, label)` is the text
    that is encoded; `labelled` says whether it makes anything of the label, so that room is left.
    Raises UsageError if the overlap leaves no room, or if there is nothing to count with.
    """

    def __init__(
        self,
        *,
        kind: Literal["auto", "none"],
        max_tokens: int,
        overlap: int,
        overlap_within: Literal["section", "paragraph"] = "paragraph",
        tokenizer: object | None = None,
        count: Callable[[str], int] | None = None,
        render: Callable[[str, str, str], str] = with_title,
        labelled: bool = False,
    ) -> None:
        self.kind = kind
        self.max_tokens = max_tokens
        self.labelled = labelled and kind != "none"
        self._render = render
        if kind == "none":
            return
        if tokenizer is not None:
            count = counter(tokenizer)
        elif count is None:
            raise UsageError(
                "cutting into passages needs a tokenizer or a way to count (--chunker none)"
            )
        # The splitter asks for the same stretches again and again: remembering the answers makes it half
        # as fast again, and faster than its own way with a tokenizer, which also copies the vocabulary.
        self._count = lru_cache(maxsize=1024)(count)
        self._special = self._count("")
        self._frame = self._count(render("", "", ""))
        self._room = room = max_tokens - self._frame
        if room < 1:
            raise UsageError(f"{max_tokens} tokens a passage leave no room for text")
        if not 0 <= overlap < room:
            raise UsageError(
                f"an overlap of {overlap} tokens does not fit into passages of {room} "
                f"({max_tokens} less the model's own): make it less than half"
            )
        self._floor = min(max(32, max_tokens // 2), room)
        by_section = overlap_within == "section"
        self._overlap = overlap if by_section else 0
        # in proportion, so always less than capacity
        inside = 0 if by_section else overlap
        self._window = TokenWindow(self._bare, lambda capacity: inside * capacity // room)
        self._fit_label = lru_cache(maxsize=4096)(self._shortened)

    def kind_of(self, name: str) -> str:
        """Chunking method for a document id: "none", "markdown", "text" or "code:" and its language."""
        if self.kind == "none":
            return "none"
        ending = suffix(name.partition("#chapter=")[0])
        if ending in _MARKDOWN:
            return "markdown"
        language = grammars.language(ending)
        return f"code:{language}" if language and grammars.grammar(language) else "text"

    def lacks(self, name: str) -> str:
        """Missing library that would cut a document of this id better; "" if none is."""
        language = grammars.language(suffix(name)) if self.kind == "auto" else ""
        if not language or grammars.grammar(language):
            return ""
        return f"code:{language} {grammars.NEEDS}"

    def fit_title(self, title: str) -> str:
        """The part of a title that leaves at least half of a passage to the text; mostly all of it."""
        if self.kind == "none" or not title or self._fits(title):
            return title
        ends = [m.end() for m in re.finditer(r"\S+", title)]
        most = bisect_left(ends, True, key=lambda end: not self._fits(title[:end]))
        return title[: ends[most - 1]] if most else ""

    def fit_label(self, title: str, label: str) -> str:
        """The part of a label that, with the title in front, leaves at least half of a passage to the text.

        Headings are dropped from the left, names from the right. A whole document has all of it.
        """
        return label if not self.labelled or not label else self._fit_label(title, label)

    def _shortened(self, title: str, label: str) -> str:
        while label and not self._fits(title, label):
            headings = label.partition(BETWEEN)[2]
            label = headings or label.rpartition(", ")[0]
        return label

    def _fits(self, title: str, label: str = "") -> bool:
        return self._cost(title, label) <= self._room - self._floor

    def _cost(self, title: str, label: str = "") -> int:
        return self._count(self._render(title, "", label)) - self._frame

    def split(self, document: Document) -> list[Passage]:
        """The document's passages, in order, covering all that is not white space.

        A document without text has a passage if it has a title, so that it can be found by that. A
        passage has at most `max_tokens` tokens as `render(title, passage.text, label)` with the title
        and its label as `fit_title` and `fit_label` leave them.
        """
        text = document.text
        blank = not text or text.isspace()
        if blank and not document.title:
            return []
        kind = self.kind_of(document.id)
        outline = HeadingPaths.of(text, suffix(document.id), kind == "markdown")
        found: Iterable[Named]
        title = self.fit_title(document.title)
        if blank or kind == "none":
            found = [(0, len(text) if kind == "none" else 0, "")]
        elif kind.startswith("code:") and len(text) <= MAX_TEXT:
            found = self._code(text, kind[5:], title)
        else:
            found = self._prose(text, kind == "markdown", title, outline)
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
                outline.path(text, start, end),
                symbol,
            )
            for seq, (start, end, symbol) in enumerate(found)
        ]

    def _prose(
        self, text: str, markdown: bool, title: str, outline: HeadingPaths
    ) -> Iterator[Named]:
        """Running text; headings are counted as in front of their passages, if they are."""
        alone = max(self._room - self._cost(title), 1)

        def room(start: int, end: int) -> int:
            most = alone
            if self.labelled:
                labels = {self.fit_label(title, p) for p in outline.within(start, end)}
                costs = [self._cost(title, label) for label in labels]
                most = max(self._room - max(costs), 1) if costs else alone
            return max(most - self._shared(most), 1)

        def excess(start: int, end: int) -> int:
            label = outline.path(text, start, end) if self.labelled else ""
            return self._excess(text, title, label, start, end)

        reached = 0
        spans = self._window.spans(text, (0, len(text)), markdown, room, excess)
        if shared := self._shared(alone):
            overlap = Overlap(text, shared, self._bare, outline.starts, rows=markdown)
            spans = overlap.extend(spans, excess)
        for start, end in spans:
            # with an overlap, one can lie inside the one before, and would add nothing
            if end > reached:
                yield start, end, ""
                reached = end

    def _code(self, text: str, language: str, title: str) -> Iterator[Named]:
        """Code: definitions, and what of those that are too long lies between their blank lines."""
        alone = max(self._room - self._cost(title), 1)
        room = alone - min(LABEL, alone // 2) if self.labelled else alone

        def tokens(start: int, end: int) -> int:
            long = end - start > WINDOW[0] * room
            return room + 1 if long else self._bare(text[start:end])

        def fits(start: int, end: int, symbol: str) -> bool:
            start, end = _trimmed(text, start, end)
            return self._excess(text, title, symbol, start, end) <= 0

        source = Source(text, language)
        for start, end, symbol, is_whole in source.pack(room, tokens, fits):
            start, end = _trimmed(text, start, end)
            if start == end:
                continue
            if is_whole:
                yield start, end, symbol
                continue
            excess = partial(self._excess, text, title, symbol)
            left = max(self._room - self._cost(title, self.fit_label(title, symbol)), 1)
            reached = start
            shared = self._shared(left)
            spans = self._window.spans(
                text, (start, end), False, lambda *_, left=left - shared: left, excess
            )
            if shared:
                spans = Overlap(text, shared, self._bare, (start,), lines=True).extend(
                    spans, excess
                )
            for a, b in spans:
                if b > reached:
                    yield a, b, symbol
                    reached = b

    def _shared(self, room: int) -> int:
        """Tokens that a passage repeats at every border, of those that it has room for."""
        return self._overlap * room // self._room

    def _excess(self, text: str, title: str, label: str, start: int, end: int) -> int:
        """By how many tokens what is encoded for text[start:end] is too long."""
        finished = self._render(title, text[start:end], self.fit_label(title, label))
        return self._count(finished) - self.max_tokens

    def _bare(self, text: str) -> int:
        """Tokens of a text without the special ones."""
        return max(0, self._count(text) - self._special)


def _trimmed(text: str, start: int, end: int) -> Span:
    """Without the blanks behind it and the empty lines before it; the first line stays indented."""
    start, end = whole(text, start), whole(text, end)
    part = text[start:end]
    lead = len(part) - len(part.lstrip())
    start += part.rfind("\n", 0, lead) + 1
    return start, start + len(text[start:end].rstrip())
