"""Pool files: candidates with a blank grade, as a table or JSON lines, and judgments from graded ones.

A person opens the file, writes a grade beside every candidate (0: not relevant, 1, 2, …: how well it
answers) and saves. Reading skips blank grades and counts them; every other mistake is reported with
file and line. A table is tab-separated with a header, white space in texts folded, so that it opens
in a spreadsheet; it is read back with any separator that the spreadsheet saved. JSON lines keep texts
as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.column_names import (
    DOCUMENT_ID,
    GRADE,
    POOL_QUERY_ID,
    AmbiguousNames,
)
from qembed.evaluation.formats.json_records import looks_like_json, pick, records
from qembed.evaluation.formats.qrels import JudgmentList
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    atomic_text_file,
    ignore_warning,
)
from qembed.evaluation.formats.table_layout import (
    TableFormat,
    find_layout,
    first_rows,
    misread_message,
    sample_cells,
)
from qembed.evaluation.formats.table_rows import read_rows
from qembed.types import Qrels

COLUMNS = ("query-id", "query", "corpus-id", "title", "text", "grade")
FORMAT = TableFormat(alternatives=((POOL_QUERY_ID, DOCUMENT_ID, GRADE),), required=2)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Document to judge for a query. `grade` None: not judged yet."""

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
    """Judgments of a graded pool. Raises InputError with every mistake."""
    source, mistakes = Source.read(path), ProblemList(path)
    judgments = JudgmentList(mistakes)
    blank = 0
    for line, query, document, grade in _rows(source, mistakes, warn):
        if grade is None or (isinstance(grade, str) and not grade.strip()):
            blank += 1
        else:
            judgments.add(line, query, document, grade)
    qrels = judgments.close()
    if not qrels and not mistakes.found:
        mistakes.add(None, "nothing in it is graded: the column grade is empty")
    mistakes.close()
    if blank:
        warn(f"{path}: candidates without a grade, which are left out: {blank:,}")
    return qrels


def _rows(source: Source, mistakes: ProblemList, warn: Warn) -> Iterator[tuple[int, Any, Any, Any]]:
    if looks_like_json(source):
        for line, record in records(source, mistakes):
            try:
                query, document, grade = pick(record, POOL_QUERY_ID, DOCUMENT_ID, GRADE)
            except AmbiguousNames as e:
                mistakes.add(line, str(e))
            else:
                yield line, query, document, grade
        return
    layout = find_layout(source, FORMAT, mistakes)
    if layout is not None:
        for line, (query, document, grade) in read_rows(source, layout, FORMAT, mistakes, warn):
            yield line, query, document, grade
    elif not mistakes.found:
        _, rows, _ = first_rows(source)
        first, names = rows[0] if rows else (1, "")
        what = misread_message(sample_cells(names, "\t"), FORMAT)
        mistakes.add(first, f"no header of a pool: {what}")


def write_qrels(qrels: Qrels, path: Path) -> None:
    """Write BEIR's three columns; UsageError for ids with tabs or line ends, StorageError."""
    lines = ["query-id\tcorpus-id\tscore\n"]
    for query, grades in qrels.items():
        for document, grade in grades.items():
            if any(c in "\t\r\n" for c in query + document):
                raise UsageError(f"cannot write the id {query!r} or {document!r} in columns")
            lines.append(f"{query}\t{document}\t{grade}\n")
    with atomic_text_file(path) as stream:
        stream.writelines(lines)
