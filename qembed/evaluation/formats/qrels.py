"""Reader of judgment files (qrels). The rules are in `formats`."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qembed.evaluation.formats.column_names import (
    DOCUMENT_ID,
    GRADE,
    QUERY_ID,
    AmbiguousNames,
    find_names,
    found_names,
)
from qembed.evaluation.formats.json_records import (
    identifier,
    json_object,
    looks_like_json,
    pick,
    records,
)
from qembed.evaluation.formats.numbers import is_number, parse_grade
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    ignore_warning,
    summarize_names,
)
from qembed.evaluation.formats.table_layout import TableFormat, add_misfit, find_layout
from qembed.evaluation.formats.table_rows import read_rows
from qembed.types import Qrels

ACCEPTED_FORMS = (
    "a header such as query-id, corpus-id, score; `qid iter docid grade` or `qid docid grade` "
    "without one; or JSON"
)
ROLES = (QUERY_ID, DOCUMENT_ID, GRADE)
FORMAT = TableFormat(
    alternatives=(ROLES,),
    shapes={3: (0, 1, 2), 4: (0, 2, 3)},
    number=2,
    is_number=is_number,
)

Row = tuple[int | None, Any, Any, Any]
"""Line, query, document, grade, as the file has them."""


def read_qrels(
    path: Path, *, queries: Container[str] | None = None, warn: Warn = ignore_warning
) -> Qrels:
    """Judgments of a file: a table with or without a header, TREC columns, JSON lines or JSON.

    With `queries`, a judgment for a query that is not among them is a mistake too. A judgment that
    is there twice with one grade is reported to `warn`. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    judgments = JudgmentList(mistakes)
    unknown: set[str] = set()
    for line, query, document, value in _rows(source, mistakes, warn):
        q = judgments.add(line, query, document, value)
        if q is not None and queries is not None and q not in queries and q not in unknown:
            unknown.add(q)
            mistakes.add(line, f"there is no query {q!r}")
    qrels = judgments.close()
    if not qrels and not mistakes.found:
        mistakes.add(1, f"there is no judgment in it (expected {ACCEPTED_FORMS})")
    mistakes.close()
    if judgments.repeated:
        count, places = len(judgments.repeated), summarize_names(judgments.repeated)
        warn(f"{path}: judgments that repeat an earlier one: {count} ({places})")
    return qrels


@dataclass(slots=True)
class JudgmentList:
    """Judgments of one file as they are read. `repeated`: places of those that were there before."""

    mistakes: ProblemList
    repeated: list[str] = field(default_factory=list)
    _qrels: Qrels = field(default_factory=dict)
    _lines: dict[tuple[str, str], int | None] = field(default_factory=dict)
    _booleans: list[int | None] = field(default_factory=list)
    _number: tuple[int | None, int] | None = None

    def add(self, line: int | None, query: Any, document: Any, value: Any) -> str | None:
        """Add a judgment; its query, or None after adding what is wrong with it to the mistakes."""
        q, d, grade = identifier(query), identifier(document), parse_grade(value)
        if q is None:
            self.mistakes.add(line, "no query id" if _missing(query) else f"query id {query!r}")
        if d is None:
            self.mistakes.add(line, "no document id" if _missing(document) else f"id {document!r}")
        if isinstance(grade, str):
            self.mistakes.add(line, grade)
            return None
        if isinstance(grade, bool):
            self._booleans.append(line)
            grade = int(grade)
        elif self._number is None:
            self._number = line, grade
        if q is None or d is None:
            return None
        earlier = self._qrels.setdefault(q, {}).setdefault(d, grade)
        if (q, d) not in self._lines:
            self._lines[q, d] = line
        elif earlier == grade:
            self.repeated.append("?" if line is None else f"line {line}")
        else:
            before = f"grade {earlier} on line {self._lines[q, d]}"
            self.mistakes.add(line, f"grade {grade} for query {q!r}, document {d!r}, but {before}")
        return q

    def close(self) -> Qrels:
        """The judgments; true and false beside numbers are added to the mistakes."""
        if self._number is not None:
            line, grade = self._number
            where = f"{grade}" if line is None else f"{grade} on line {line}"
            for at in self._booleans:
                self.mistakes.add(
                    at, f"grade true or false where others are numbers ({where}): write a number"
                )
        return self._qrels


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _rows(source: Source, mistakes: ProblemList, warn: Warn) -> Iterator[Row]:
    if not looks_like_json(source):
        return _from_table(source, mistakes, warn)
    whole = json_object(source, mistakes)
    if whole is None or not is_nested(whole):
        return _from_records(source, mistakes)
    return ((None, q, d, v) for q, values in whole.items() for d, v in values.items())


def is_nested(value: dict[str, Any]) -> bool:
    """True for JSON of the form {query: {document: value}}."""
    return all(isinstance(values, dict) for values in value.values())


def _from_records(source: Source, mistakes: ProblemList) -> Iterator[Row]:
    for line, record in records(source, mistakes):
        try:
            places = find_names(tuple(record), ROLES)
        except AmbiguousNames as e:
            mistakes.add(line, str(e))
            continue
        lacking = [role for role, at in zip(ROLES, places, strict=True) if at is None]
        for role in lacking:
            mistakes.add(line, f"no {role.name}: keys {found_names(tuple(record))}")
        if not lacking:
            query, document, grade = pick(record, *ROLES)
            yield line, query, document, grade


def _from_table(source: Source, mistakes: ProblemList, warn: Warn) -> Iterator[Row]:
    layout = find_layout(source, FORMAT, mistakes)
    if layout is not None:
        for line, (query, document, grade) in read_rows(source, layout, FORMAT, mistakes, warn):
            yield line, query, document, grade
    elif not mistakes.found:
        add_misfit(source, FORMAT, "a file of judgments", ACCEPTED_FORMS, mistakes)
