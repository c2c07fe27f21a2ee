"""README.md, CONTRIBUTING.md and docs/*.md, parsed: code blocks, sections, tables, links, anchors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = ROOT / ".pytest_cache" / "exports"
"""QEMBED_CACHE of tests that need the built-in model's export: one takes a minute to make."""
PAGES = tuple(
    p.relative_to(ROOT).as_posix()
    for p in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
)
NOT_RUN = re.compile(r"<!-- not run: \S")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block. `language`: the word behind the fence; `is_run`: no "not run" comment above it."""

    page: str
    line: int
    language: str
    text: str
    is_run: bool

    @property
    def name(self) -> str:
        """The file name in a first line `# example.py`, "" without one."""
        first = self.text.partition("\n")[0]
        found = re.fullmatch(r"# (\w+\.\w+)", first)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def text_of(page: str) -> str:
    """The page's text."""
    return (ROOT / page).read_text("utf-8")


@cache
def tokens(page: str) -> list[Token]:
    """The page as markdown-it's tokens."""
    return MarkdownIt("commonmark").enable("table").parse(text_of(page))


@cache
def blocks(page: str) -> tuple[Block, ...]:
    """The page's fenced code blocks, in order."""
    found = []
    above: Token | None = None
    for token in tokens(page):
        if token.type == "fence":
            assert token.map is not None
            is_run = above is None or not NOT_RUN.match(above.content)
            found.append(Block(page, token.map[0] + 1, token.info.strip(), token.content, is_run))
        above = token if token.type == "html_block" else None
    return tuple(found)


def blocks_of(*languages: str) -> list[Block]:
    """The blocks of all pages in one of the languages that are run."""
    return [b for p in PAGES for b in blocks(p) if b.language in languages and b.is_run]


def links(page: str) -> Iterator[str]:
    """The targets of the page's links."""
    for token in tokens(page):
        for child in token.children or ():
            if child.type == "link_open":
                yield str(child.attrs["href"])


@cache
def anchors(page: str) -> frozenset[str]:
    """The anchors of the page's headings, by GitHub's rule."""
    found: dict[str, int] = {}
    for heading in headings(page):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return frozenset(s if not n else f"{s}-{i}" for s, n in found.items() for i in range(n + 1))


def headings(page: str) -> Iterator[str]:
    """The text of the page's headings, without marks."""
    marked = False
    for token in tokens(page):
        if marked and token.type == "inline":
            yield "".join(c.content for c in token.children or ())
        marked = token.type == "heading_open"


def tables(page: str) -> Iterator[tuple[str, list[list[str]]]]:
    """(the heading above, rows of cells as written, the header first) of the page's tables."""
    heading, marked = "", False
    rows: list[list[str]] = []
    for token in tokens(page):
        if token.type == "inline" and marked:
            heading = token.content
        marked = token.type == "heading_open"
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(token.content)
        elif token.type == "table_close":
            yield heading, rows
            rows = []
