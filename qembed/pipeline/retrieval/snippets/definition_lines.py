"""Lines of code that define: of a passage, or of the long definition that it is a later part of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from qembed.search.lexical.analyzer import terms_of
from qembed.types import Passage, Snippet

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.document_reader import DocumentReader

_DEFINED = re.compile(r"[^\W\d]\w*[?!=]?")
_COMMENT = re.compile(r"\s*(?:#|//|/?\*|--|;|\"\"\"|''')")
_HEAD = re.compile(r"""\s*(?:$|[@#*\[\]]|//|/\*|--|;|\"\"\"|template\b|[\w\s<>,:*&]+$)""")
_STATEMENT = re.compile(
    r"\s*(?:(?:return|await|yield|throw|raise|if|elif|else|while|for|assert|break|continue|pass|end)\b"
    r"|(?:self|this|super)\.)"
)
PASSAGES_PER_READ = 4
"""Passages before a hit that are read at first, to find where its definition begins."""

Span: TypeAlias = tuple[int, int]
"""[start, end) in a passage's text."""


def definition_line(passage: Passage, terms: Collection[str] = ()) -> Span | None:
    """First line of the definition in a passage of code; None if the passage does not begin one.

    Of several definitions the one whose name has most of the `terms`, the first of equals.
    """
    symbols = passage.symbol.split(", ")
    wanted = max(symbols, key=lambda symbol: len({*terms}.intersection(terms_of(symbol))))
    names = _DEFINED.findall(wanted)
    if not names:
        return None
    name = re.compile(rf"(?<!\w){re.escape(names[-1])}(?!\w)")
    at = 0
    for line in passage.text.split("\n"):
        found = name.search(line)
        if found and "=" not in line[: found.start()] and not _COMMENT.match(line):
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
) -> list[Snippet | None]:
    """For each (row, passage) the line that defines what the passage is of; None for what is not code.

    `terms`: of the query, which choose among several definitions of a passage.
    A definition that is cut into several passages begins in one before, with the same symbol.
    """
    found: list[Snippet | None] = []
    for row, passage in passages:
        span = definition_line(passage, terms)
        if span is not None and (not passage.seq or begins_definition(passage.text, span)):
            found.append(Snippet(*span))
            continue
        first: Snippet | None = None if span is None else Snippet(*span)
        for part in _with_symbol(documents, row, passage) if passage.symbol else ():
            if (span := definition_line(part)) is not None:
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
