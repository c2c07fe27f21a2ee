"""Pool files: candidates to judge, as a table or as JSON lines, and judgments read back from them.

A judge writes a grade beside every candidate (0: not relevant; 1, 2, …: how well it answers). Reading skips
and counts blank grades; every other mistake is reported with file and line. A table is tab-separated with a
header and with white space in texts collapsed, so that it opens in a spreadsheet; JSON lines keep texts as
they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.json_records import looks_like_json, pick, plain_name, records
from qembed.evaluation.formats.qrels import DOCUMENT_NAMES, GRADE_NAMES, QUERY_NAMES, parse_judgment
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    atomic_text_file,
    ignore_warning,
)
from qembed.types import Qrels

COLUMNS = ("query-id", "query", "corpus-id", "title", "text", "grade")
# "query" holds the words here; in other files it may name the id
_IDS = tuple(name for name in QUERY_NAMES if name != "query")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document to judge for a query; `grade` None: not judged."""

    query_id: str
    query: str
    document: str
    title: str
    text: str
    grade: int | None = None


def write_pool(candidates: Iterable[Candidate], path: Path) -> None:
    """Write JSON lines for a path that ends in .jsonl, else a table.

    Raises InputError for ids that a table cannot hold, StorageError if the disk refuses.
    """
    candidates = list(candidates)
    as_json = path.suffix.lower() == ".jsonl"
    if not as_json:
        bad = [n for c in candidates for n in (c.query_id, c.document) if n != _cell(n)]
        if bad:
            what = "ids that a table cannot hold (a path that ends in .jsonl takes them)"
            raise InputError(what, [repr(name) for name in dict.fromkeys(bad)])
    with atomic_text_file(path) as stream:
        if not as_json:
            stream.write("\t".join(COLUMNS) + "\n")
        for c in candidates:
            stream.write(_as_json(c) if as_json else _as_row(c))


def _as_json(c: Candidate) -> str:
    body = {"query_id": c.query_id, "query": c.query, "document": c.document, "title": c.title}
    text = json.dumps({**body, "text": c.text, "grade": c.grade}, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode() + "\n"


def _as_row(c: Candidate) -> str:
    grade = "" if c.grade is None else str(c.grade)
    return "\t".join(map(_cell, (c.query_id, c.query, c.document, c.title, c.text, grade))) + "\n"


def _cell(text: str) -> str:
    text = " ".join(text.split()).encode("utf-8", "replace").decode()
    # a spreadsheet would take this for a formula
    return f"'{text}" if text[:1] in ("=", "@") else text


def read_pool(path: Path, *, warn: Warn = ignore_warning) -> Qrels:
    """Read the judgments of a graded file. Raises InputError with every mistake."""
    source, mistakes = Source.read(path), ProblemList(path)
    qrels: Qrels = {}
    blank = 0
    for line, query, document, grade in _rows(source, mistakes):
        if grade is None or (isinstance(grade, str) and not grade.strip()):
            blank += 1
            continue
        found = parse_judgment(line, query, document, grade, mistakes)
        if found is None:
            continue
        q, d, value = found
        earlier = qrels.setdefault(q, {}).setdefault(d, value)
        if earlier != value:
            mistakes.add(
                line, f"grade {value} for query {q!r}, document {d!r}, but {earlier} above"
            )
    if not qrels and not mistakes.found:
        mistakes.add(None, "nothing in it is graded")
    mistakes.close()
    if blank:
        warn(f"{path}: candidates without a grade, which are left out: {blank}")
    return qrels


def _rows(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Any, Any, Any]]:
    if looks_like_json(source):
        for line, record in records(source, mistakes):
            query, document = pick(record, _IDS), pick(record, DOCUMENT_NAMES)
            yield line, query, document, pick(record, GRADE_NAMES)
        return
    at: list[int] | None = None
    for line, row in source.lines(mistakes):
        # spreadsheets quote a cell that holds a quote
        fields = [_unquoted(field) for field in row.split("\t")]
        if at is None:
            at = _header(fields)
            if at is None:
                mistakes.add(line, f"no header (expected {', '.join(COLUMNS)}, separated by tabs)")
                return
        elif len(fields) <= max(at[:2]):
            mistakes.add(
                line, f"{len(fields)} columns where at least {max(at[:2]) + 1} are expected"
            )
        else:
            # an empty last column is dropped by some editors
            yield line, fields[at[0]], fields[at[1]], fields[at[2]] if at[2] < len(fields) else ""


def _header(fields: Sequence[str]) -> list[int] | None:
    names = [plain_name(field) for field in fields]
    at = [
        next((i for i, name in enumerate(names) if name in known), None)
        for known in (_IDS, DOCUMENT_NAMES, GRADE_NAMES)
    ]
    return None if None in at else [i for i in at if i is not None]


def _unquoted(field: str) -> str:
    field = field.strip()
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write judgments in BEIR's three columns.

    Raises UsageError for ids with tabs or line ends, StorageError if the disk refuses.
    """
    lines = ["query-id\tcorpus-id\tscore\n"]
    for query, grades in qrels.items():
        for document, grade in grades.items():
            if any(c in "\t\r\n" for c in query + document):
                raise UsageError(f"cannot write the id {query!r} or {document!r} in columns")
            lines.append(f"{query}\t{document}\t{grade}\n")
    with atomic_text_file(path) as stream:
        stream.writelines(lines)
