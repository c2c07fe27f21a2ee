"""Lines of code that define: of a passage, or of the long definition that it is a later part of."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from qembed.pipeline.retrieval.snippets.definitions import (
    COMMENT,
    Definition,
    Span,
    best_definition,
    definitions,
)
from qembed.search.lexical.analyzer import terms_of
from qembed.types import Passage, Snippet

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.document_reader import DocumentReader

_DEFINED = re.compile(r"[^\W\d]\w*[?!=]?")
_HEAD = re.compile(r"""\s*(?:$|[@#*\[\]]|//|/\*|--|;|\"\"\"|template\b|[\w\s<>,:*&]+$)""")
_STATEMENT = re.compile(
    r"\s*(?:(?:return|await|yield|throw|raise|if|elif|else|while|for|assert|break|continue|pass|end)\b"
    r"|(?:self|this|super)\.)"
)
PASSAGES_PER_READ = 4
"""Passages before a hit that are read at first, to find where its definition begins."""


def find_definition(
    passage: Passage,
    terms: Collection[str] = (),
    place: Callable[[], int | None] = lambda: None,
) -> Definition | None:
    """The definition in a passage of code whose first line is shown; None if the passage begins none.

    Of several the one that the query is about: by its `terms` in the names, then by `place()`, where the best
    sentence begins. In a later passage of a long definition only one that the query names.
    """
    if not passage.symbol:
        return None
    symbols = passage.symbol.split(", ")
    found = [_named(d, symbols) for d in definitions(passage.text)]
    others = [s for s in symbols if all(d.name != s for d in found)]
    lines = [(s, _name_line(passage.text, s)) for s in others]
    end = len(passage.text)
    named = [Definition(span, end, s, is_head=False) for s, span in lines if span is not None]
    if passage.seq and len(symbols) == len(others) == 1:
        begins = any(begins_definition(passage.text, d.span) for d in named)
        if not begins:
            found = [d for d in found if not {*terms}.isdisjoint(terms_of(d.own_name))]
            named = [] if found else named
    heads = {d.span for d in found}
    found += [d for d in named if d.span not in heads]
    if len(found) < 2:
        return found[0] if found else None
    return best_definition(sorted(found), terms, place())


def symbol_line(passage: Passage) -> Span | None:
    """First line of what the passage is of, or one that names it; None without any."""
    symbol = passage.symbol.split(", ")[0]
    heads = (d.span for d in definitions(passage.text) if _named(d, [symbol]).name == symbol)
    return next(heads, None) or _name_line(passage.text, symbol)


def _named(found: Definition, symbols: Sequence[str]) -> Definition:
    """The definition with the name that the passage knows it by: of a method alone, with its class's."""
    outer = found.name.partition(".")[0]
    for symbol in symbols:
        if symbol != found.name and symbol.rpartition(".")[2] in (found.name, outer):
            return found._replace(name=symbol + found.name[len(outer) :])
    return found


def _name_line(text: str, symbol: str) -> Span | None:
    """First line that names what is defined, and neither sets it nor is a comment."""
    names = _DEFINED.findall(symbol)
    if not names:
        return None
    name = re.compile(rf"(?<!\w){re.escape(names[-1])}(?!\w)")
    at = 0
    for line in text.split("\n"):
        found = name.search(line)
        if found and "=" not in line[: found.start()] and not COMMENT.match(line):
            return at + len(line) - len(line.lstrip()), at + len(line.rstrip())
        at += len(line) + 1
    return None


def begins_definition(text: str, span: Span) -> bool:
    """True if a definition begins at `text[span]`: only comments, decorators and types precede it.

    False where the line is a statement that uses the name, as in a later passage of a long definition.
    """
    before = text[: span[0]].split("\n")
    heads = all(_HEAD.match(x) and not _STATEMENT.match(x) for x in before)
    return heads and not _STATEMENT.match(text[slice(*span)])


def definition_lines(
    documents: DocumentReader,
    passages: Sequence[tuple[int, Passage]],
    terms: Collection[str] = (),
    place: Callable[[Passage], int | None] = lambda _: None,
) -> list[Snippet | None]:
    """For each (row, passage) the line that defines what the passage is of; None for what is not code.

    `terms`: of the query, which choose among several definitions of a passage, as does `place`, where the
    passage's best sentence begins. A definition that is cut into several passages begins in one before, with
    the same symbol.
    """
    found: list[Snippet | None] = []
    for row, passage in passages:
        best = find_definition(passage, terms, partial(place, passage))
        if best is not None and (
            best.is_head or not passage.seq or begins_definition(passage.text, best.span)
        ):
            found.append(Snippet(*best.span))
            continue
        first: Snippet | None = None if best is None else Snippet(*best.span)
        for part in _with_symbol(documents, row, passage) if passage.symbol else ():
            if (span := symbol_line(part)) is not None:
                first = _of_other(part, span)
                if begins_definition(part.text, span):
                    break
        found.append(first)
    return found


def _of_other(part: Passage, span: Span) -> Snippet:
    """Snippet of a line of another passage of the document."""
    start, end = span
    line = part.line + part.text.count("\n", 0, start)
    column = start - (part.text.rfind("\n", 0, start) + 1)
    return Snippet(0, 0, (), part.text[start:end], line, column)


def _with_symbol(documents: DocumentReader, row: int, passage: Passage) -> Iterator[Passage]:
    """Passages of the document before this one, backwards, as long as they have its symbol."""
    import numpy as np

    at, step = row, PASSAGES_PER_READ
    first = row - passage.seq
    while at > first:
        rows = np.arange(max(first, at - step), at, dtype=np.int64)
        for part in reversed(documents.passages(rows)):
            if part.symbol != passage.symbol:
                return
            yield part
        at, step = int(rows[0]), 4 * step
