"""Reader of judgment files (qrels). Rules: see `formats`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from qembed.evaluation.formats.json_records import (
    identifier,
    json_kind,
    json_object,
    looks_like_json,
    pick,
    plain_name,
    records,
)
from qembed.evaluation.formats.source_file import (
    ASCII_WHITESPACE,
    ProblemList,
    Source,
    Warn,
    ignore_warning,
    summarize_names,
)
from qembed.types import Qrels

QUERY_NAMES = ("query-id", "qid", "queryid", "query", "topic", "topic-id")
DOCUMENT_NAMES = (
    "corpus-id", "doc-id", "docid", "docno", "document", "document-id", "did", "passage-id", "pid",
)  # fmt: skip
GRADE_NAMES = ("score", "relevance", "rel", "grade", "label", "judgment", "judgement")
MAX_GRADE = 10_000
"""Highest grade: trec_eval allocates a counter for every grade up to the highest."""

ACCEPTED_FORMS = "query-id, corpus-id, score under a header; `qid iter docid grade`; or JSON lines"

Row = tuple[int | None, Any, Any, Any]
"""Line, query, document, grade, as in the file."""


def read_qrels(
    path: Path, *, queries: Container[str] | None = None, warn: Warn = ignore_warning
) -> Qrels:
    """Read judgments: BEIR columns, TREC columns, three columns, JSON lines or JSON.

    With `queries`, a judgment for another query is a mistake. A judgment repeated with the same grade is
    reported to `warn`. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    qrels: Qrels = {}
    lines: dict[tuple[str, str], int | None] = {}
    repeated: list[str] = []
    unknown: set[str] = set()
    for line, query, document, value in _rows(source, mistakes):
        found = parse_judgment(line, query, document, value, mistakes)
        if found is None:
            continue
        q, d, grade = found
        if queries is not None and q not in queries and q not in unknown:
            unknown.add(q)
            mistakes.add(line, f"there is no query {q!r}")
        earlier = qrels.setdefault(q, {}).setdefault(d, grade)
        if (q, d) not in lines:
            lines[q, d] = line
        elif earlier == grade:
            repeated.append("?" if line is None else f"line {line}")
        else:
            before = f"grade {earlier} on line {lines[q, d]}"
            mistakes.add(line, f"grade {grade} for query {q!r}, document {d!r}, but {before}")
    if not qrels and not mistakes.found:
        mistakes.add(1, f"there is no judgment in it (expected {ACCEPTED_FORMS})")
    mistakes.close()
    if repeated:
        warn(
            f"{path}: judgments that repeat an earlier one: {len(repeated)} ({summarize_names(repeated)})"
        )
    return qrels


def parse_judgment(
    line: int | None, query: Any, document: Any, value: Any, mistakes: ProblemList
) -> tuple[str, str, int] | None:
    """Convert a row to (query, document, grade); None after adding its mistakes."""
    q, d, grade = identifier(query), identifier(document), _grade(value)
    if q is None:
        mistakes.add(line, "no query id" if query in (None, "") else f"query id {query!r}")
    if d is None:
        mistakes.add(line, "no document id" if document in (None, "") else f"id {document!r}")
    if isinstance(grade, str):
        mistakes.add(line, grade)
        return None
    return None if q is None or d is None else (q, d, grade)


def _grade(value: Any) -> int | str:
    """Parse a grade; returns a message for what is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return "no grade" if value is None else f"grade {json_kind(value)}: {value!r}"
    if not re.fullmatch(r"[+-]?[0-9]{1,15}(\.0*)?", text.strip()):
        return f"grade {text.strip()!r} is not a whole number"
    grade = int(text.strip().partition(".")[0])
    return grade if -MAX_GRADE <= grade <= MAX_GRADE else f"grade {grade} is beyond {MAX_GRADE}"


def _rows(source: Source, mistakes: ProblemList) -> Iterator[Row]:
    if not looks_like_json(source):
        return _from_columns(source, mistakes)
    whole = json_object(source, mistakes)
    if whole is None or not is_nested(whole):
        return _from_records(source, mistakes)
    return ((None, q, d, v) for q, values in whole.items() for d, v in values.items())


def is_nested(value: dict[str, Any]) -> bool:
    """Return True if the JSON is {query: {document: value}}."""
    return all(isinstance(values, dict) for values in value.values())


def _from_records(source: Source, mistakes: ProblemList) -> Iterator[Row]:
    for line, record in records(source, mistakes):
        names = (QUERY_NAMES, DOCUMENT_NAMES, GRADE_NAMES)
        query, document, grade = (pick(record, known) for known in names)
        yield line, query, document, grade


@dataclass(frozen=True, slots=True)
class _Layout:
    """Columns of a file: how to split a line, and the positions of query, document and grade."""

    split: Callable[[str], list[str]]
    columns: int
    query: int
    document: int
    grade: int
    header: bool


def _by_tabs(line: str) -> list[str]:
    return [field.strip() for field in line.split("\t")]


def _by_blanks(line: str) -> list[str]:
    return ASCII_WHITESPACE.split(line.strip(" \t\r\f\v"))


def _from_columns(source: Source, mistakes: ProblemList) -> Iterator[Row]:
    layout = _layout([line for _, line in islice(source.lines(ProblemList(source.path)), 50)])
    if layout is None:
        if source.head:
            mistakes.add(1, f"not a file of judgments (expected {ACCEPTED_FORMS})")
        return
    header = layout.header
    for line, row in source.lines(mistakes):
        fields = layout.split(row)
        if header:
            header = False
        elif len(fields) != layout.columns:
            mistakes.add(line, f"{len(fields)} columns where {layout.columns} are expected")
        else:
            yield line, fields[layout.query], fields[layout.document], fields[layout.grade]


def _layout(sample: list[str]) -> _Layout | None:
    """Detect the layout by a header, else by the split that gives most lines three or four columns."""
    for split in (_by_tabs, _by_blanks):
        names = [plain_name(name) for name in split(sample[0])] if sample else []
        at = [
            next((i for i, name in enumerate(names) if name in known), None)
            for known in (QUERY_NAMES, DOCUMENT_NAMES, GRADE_NAMES)
        ]
        query, document, grade = at
        if query is not None and document is not None and grade is not None:
            return _Layout(split, len(names), query, document, grade, header=True)
    best: tuple[int, _Layout] | None = None
    for split in (_by_tabs, _by_blanks):
        counts = Counter(len(split(line)) for line in sample)
        for columns in (3, 4):
            if counts[columns] > (best[0] if best else 0):
                where = (0, columns - 2, columns - 1)
                best = counts[columns], _Layout(split, columns, *where, header=False)
    return best[1] if best else None
