"""Hits as text: never cut in a pipe; on a terminal as wide as it is."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from qembed.cli.render.hits import safe
from qembed.cli.render.places import (
    current_folder,
    file_url,
    place,
    shell_word,
    shortened,
    shows_links,
)
from qembed.pipeline.retrieval.answer import Answer
from qembed.types import Hit, Snippet

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

    from qembed.cli.render.pictures.thumbnails import Thumbnails

LEAST_PATH = 12
"""Columns that a path has at least beside rank and score; on a narrower terminal it has its own line."""
INDENT = 11
NARROW_INDENT = 4
"""Columns before a path that has its own line."""
BODY_LINES = 3
"""Lines of a sentence on a terminal."""
_EMPTY_LINE = re.compile(r"\n[^\S\n]*\n")


def write_text(answer: Answer, whole: bool, thumbnails: Thumbnails | None = None) -> None:
    """Write the hits of all queries to stdout. `whole`: all of a hit's text, not its best sentence alone.

    `thumbnails`: of pictures, on a terminal that can.
    """
    from rich.console import Console
    from rich.text import Text

    # styles by weight and the terminal's own palette: readable on light and on dark
    console = Console(file=sys.stdout, highlight=False, emoji=False, markup=False)
    terminal = sys.stdout.isatty()
    page = _Page(console, terminal, whole, thumbnails)
    for results in answer.results:
        if len(answer.results) > 1:
            page.line(
                Text(f"query {safe(results.query.id)}: {safe(results.query.text)}", "bold"), 0
            )
        if not results.hits:
            page.line(Text("no hits"), 0)
        for rank, hit in enumerate(results.hits, 1):
            page.hit(rank, hit)
        if len(answer.results) > 1:
            page.line(Text(), 0)


class _Page:
    """Layout of hits on a terminal or in a pipe."""

    def __init__(
        self, console: Console, terminal: bool, whole: bool, thumbnails: Thumbnails | None
    ) -> None:
        self._thumbnails = thumbnails
        self._console = console
        self._terminal = terminal
        self._whole = whole
        self._folder: Path = current_folder()
        # rich also takes FORCE_COLOR for a terminal, and leaves bold where NO_COLOR is set
        self._coloured = terminal and bool(console.color_system) and not console.no_color
        self._linked = self._coloured and shows_links(os.environ)

    def line(self, text: Text, indent: int = INDENT) -> None:
        """Write one line; on a terminal its end is left out where there is no room."""
        from rich.text import Text

        line = Text(" " * indent) + text
        if self._terminal:
            self._console.print(line, no_wrap=True, overflow="ellipsis")
        else:
            line.rstrip()
            self._console.print(line, soft_wrap=True)

    def hit(self, rank: int, hit: Hit) -> None:
        """Write a hit: rank, score, place, title, metadata of a record of no file, its text."""
        from rich.cells import cell_len
        from rich.text import Text

        head = Text(f"{rank:>2}  {hit.score:.3f}  ")
        number = hit.line if self._whole else hit.shown_line
        line = "" if number is None else f":{number}"
        path = place(hit, self._folder)
        path = safe(path) if hit.path is None else shell_word(path)
        if self._terminal:
            room = self._console.width - head.cell_len - len(line)
            if room < min(LEAST_PATH, cell_len(path)):
                # a line of its own, so that its number is whole
                self.line(head, 0)
                head = Text(" " * NARROW_INDENT)
                room = self._console.width - NARROW_INDENT - len(line)
            path = shortened(path, room)
        head.append(path + line, self._place_style(hit))
        named = f"[{hit.index}] " if hit.index is not None else ""
        title = Text(safe(named + shown_title(hit)).rstrip(), "dim")
        # in a pipe one line has rank, score, place and title, however long: for grep
        fits = head.cell_len + 2 + title.cell_len <= self._console.width
        if title and (fits or not self._terminal):
            head.append("  ")
            head.append_text(title)
            title = Text()
        self.line(head, 0)
        if title:
            self.line(title)
        if hit.path is None and hit.meta:
            self.line(Text(safe(metadata_line(hit)), "dim"))
        for part in self._whole_text(hit) if self._whole else self._sentence(hit):
            self.line(part)
        if self._thumbnails is not None:
            self._console.file.write(self._thumbnails.drawn(hit, INDENT, self._console.width))

    def _place_style(self, hit: Hit) -> Any:
        from rich.style import Style

        url = file_url(hit) if self._linked else None
        return Style(bold=True, color="cyan", link=url)

    def _sentence(self, hit: Hit) -> Iterator[Text]:
        """Lines of the best sentence; in colour also of the rest of its paragraph, dimmed."""
        from rich.text import Text

        text, snippet = hit.passage.text, hit.snippet or Snippet(0, len(hit.passage.text))
        if snippet.definition:
            yield from self._cut(Text(safe(snippet.definition)))
            if not _own_matches(snippet):
                return
        body = Text(safe(text[snippet.start : snippet.end]))
        if self._coloured:
            if not hit.passage.symbol:
                body.append(safe(_rest_of_paragraph(text, snippet.end)), "dim")
            for start, end in _own_matches(snippet):  # `safe` leaves every character in its place
                body.stylize("bold red", start, end)
        if snippet.definition:
            body = Text.assemble((f"{hit.sentence_line}: ", "dim"), body)
        yield from self._cut(body)

    def _cut(self, body: Text) -> Iterator[Text]:
        """Lines of a sentence: all of it in a pipe, on a terminal at most BODY_LINES."""
        if not self._terminal:
            yield body
            return
        width = self._console.width - INDENT
        lines = _wrapped(body, self._console, width)
        if len(lines) > BODY_LINES:
            last = lines[BODY_LINES - 1]
            last.truncate(width - 1)
            last.append("…", "dim")
        yield from lines[:BODY_LINES]

    def _whole_text(self, hit: Hit) -> Iterator[Text]:
        """All lines of the hit's text, as they stand in the document."""
        from rich.text import Text

        snippet = hit.snippet or Snippet(0, 0)
        body = Text(safe_lines(hit.passage.text))
        if self._coloured:
            for start, end in snippet.matches:
                body.stylize("bold red", start, end)
        for line in body.split("\n", allow_blank=True):
            if self._terminal:
                yield from _wrapped(line, self._console, self._console.width - INDENT)
            else:
                yield line


def _wrapped(text: Text, console: Console, width: int) -> list[Text]:
    """Lines of at most `width` columns."""
    lines = list(text.wrap(console, max(width, 8), overflow="fold")) or [text]
    for line in lines:
        line.rstrip()
    return lines


def safe_lines(text: str) -> str:
    """Text with its line ends, all other control and direction characters replaced, one for one."""
    return "\n".join(safe(line) for line in text.split("\n"))


def shown_title(hit: Hit) -> str:
    """Title of the document and heading of the passage, `title > heading`; of a picture its size."""
    if hit.kind == "image" or hit.picture:
        width, height = hit.meta.get("width"), hit.meta.get("height")
        what = "picture" if hit.kind == "image" else "text in a picture"
        return f"{what}, {width} × {height}" + (f"  {hit.title}" if hit.title else "")
    title, label = hit.title, hit.passage.label
    if not title or label == title or label.startswith(f"{title} > "):
        return label or title
    return f"{title} > {label}" if label else title


def metadata_line(hit: Hit) -> str:
    """Metadata as `key=value`, separated by two blanks; texts as they are, other values as JSON."""
    from qembed.cli.console import dumps

    values = {k: v if isinstance(v, str) else dumps(v) for k, v in hit.meta.items()}
    return "  ".join(f"{key}={value}" for key, value in values.items())


def _own_matches(snippet: Snippet) -> list[tuple[int, int]]:
    """Matches in the sentence, counted from its start."""
    inside = [(max(a, snippet.start), min(b, snippet.end)) for a, b in snippet.matches]
    return [(a - snippet.start, b - snippet.start) for a, b in inside if a < b]


def _rest_of_paragraph(text: str, at: int) -> str:
    """Text from position `at` to the next empty line, on one line."""
    gap = _EMPTY_LINE.search(text, at)
    rest = text[at:] if gap is None else text[at : gap.start()]
    return (" " if rest[:1].isspace() else "") + " ".join(rest.split())
