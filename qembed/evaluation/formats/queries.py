"""Reader of query files. The rules are in `formats`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from qembed.errors import InputError
from qembed.evaluation.formats.column_names import (
    QUERY_TEXT,
    RECORD_ID,
    TASK,
    WHERE,
    AmbiguousNames,
    find_names,
    normalize_name,
)
from qembed.evaluation.formats.json_records import (
    identifier,
    is_text,
    json_elements,
    json_kind,
    json_members,
    json_object,
    json_text,
    looks_like_json,
    objects,
    pick,
    records,
)
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    ignore_warning,
    summarize_names,
)
from qembed.evaluation.formats.table_layout import (
    Layout,
    TableFormat,
    find_layout,
    first_rows,
    is_quoted,
    misread_message,
    sample_cells,
)
from qembed.evaluation.formats.table_rows import read_rows
from qembed.evaluation.formats.topics import classic_topics, xml_topics
from qembed.types import Query

ACCEPTED_FORMS = (
    "JSON lines, a JSON array or object, lines of id<TAB>text, CSV with a header such as id,text, "
    "or TREC topics"
)
FORMAT = TableFormat(
    alternatives=((RECORD_ID, QUERY_TEXT),),
    optional=(TASK, WHERE),
    verbatim=QUERY_TEXT,
    separators=("\t", ",", ";", "|"),
)
CONTAINERS = ("queries", "topics", "questions", "data", "records", "items")
"""Keys of a JSON object that hold the list (or object) of its queries."""


def read_queries(path: Path, *, warn: Warn = ignore_warning) -> list[Query]:
    """Queries of a file, in its order: JSON lines, array or object, TSV, CSV or TREC topics.

    A query that the file holds twice is kept once. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    queries: dict[str, Query] = {}
    lines: dict[str, int] = {}
    repeated: list[str] = []
    for line, query in _found(source, mistakes, warn):
        earlier = queries.setdefault(query.id, query)
        if earlier is query:
            lines[query.id] = line
        elif earlier == query:
            repeated.append(query.id)
        else:
            mistakes.add(line, f"query {query.id!r} differs from line {lines[query.id]}'s")
    if not queries and not mistakes.found:
        mistakes.add(1, f"there is no query in it (expected {ACCEPTED_FORMS})")
    mistakes.close()
    if repeated:
        warn(f"{path}: these queries are there more than once: {summarize_names(repeated)}")
    return list(queries.values())


def _found(source: Source, mistakes: ProblemList, warn: Warn) -> Iterator[tuple[int, Query]]:
    head = source.head
    if looks_like_json(source):
        return _from_json(source, mistakes)
    if re.match(r"<[?!a-z]", head, re.I) and "\t" not in head:
        if re.search(rb"<top\s*>", source.data, re.I):
            return _topics(classic_topics(source, mistakes), mistakes)
        if re.search(rb"<topic[\s>]", source.data):
            return _topics(xml_topics(source, mistakes), mistakes)
        raise InputError(
            f"a mistake in {source.path}",
            [f"{source.path}:1: starts with '<' but holds no <top> and no <topic>"],
        )
    return _from_table(source, mistakes, warn)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────


def _from_json(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Query]]:
    whole = json_object(source, mistakes)
    if not whole or _is_record(whole):
        if not mistakes.found:
            yield from _from_records(records(source, mistakes), mistakes)
        return
    text = json_text(source, mistakes) or "{}"
    for line, key, at, value in json_members(text):
        if key.lower() in CONTAINERS and isinstance(value, list):
            elements = json_elements(text, at, mistakes, whole=False)
            # their lines are counted from the text's beginning too
            yield from _from_records(objects(elements, mistakes), mistakes)
        elif key.lower() in CONTAINERS and isinstance(value, dict):
            shift = text.count("\n", 0, at)
            for inner, name, _, member in json_members(text[at:]):
                yield from _from_member(shift + inner, name, member, mistakes)
        elif not any(name.lower() in CONTAINERS for name in whole):
            yield from _from_member(line, key, value, mistakes)


def _is_record(value: dict[str, Any]) -> bool:
    """True for one query's object, False for an object of queries."""
    if any(isinstance(value.get(key), list | dict) for key in value if key.lower() in CONTAINERS):
        return False
    try:
        places = find_names(tuple(value), (RECORD_ID, QUERY_TEXT))
    except AmbiguousNames:
        return True
    return places != (None, None)


def _from_member(
    line: int, name: str, value: Any, mistakes: ProblemList
) -> Iterator[tuple[int, Query]]:
    """Query of `name: text` or `name: {"text": …}`."""
    record = value if isinstance(value, dict) else {"text": value}
    with suppress(AmbiguousNames):
        if find_names(tuple(record), (RECORD_ID,)) == (None,):
            record = {"_id": name, **record}
    yield from _from_records(iter([(line, record)]), mistakes)


def _from_records(
    found: Iterator[tuple[int, dict[str, Any]]], mistakes: ProblemList
) -> Iterator[tuple[int, Query]]:
    for line, record in found:
        try:
            value, text, task, where = pick(record, RECORD_ID, QUERY_TEXT, TASK, WHERE)
        except AmbiguousNames as e:
            mistakes.add(line, str(e))
            continue
        name = identifier(value)
        wrong = _wrong_in(value, name, text, {"task": task, "where": where})
        for what in wrong:
            mistakes.add(line, what)
        if name is not None and not wrong:
            yield line, Query(name, text, task, where)


def _wrong_in(value: Any, name: str | None, text: Any, extra: dict[str, Any]) -> list[str]:
    of = "" if name is None else f"query {name!r}: "
    wrong = []
    if name is None:
        wrong.append('no "_id"' if value is None else f'"_id" cannot be {value!r}')
    if not isinstance(text, str):
        wrong.append(of + ('no "text"' if text is None else f'"text" is {json_kind(text)}'))
    elif not text.strip():
        wrong.append(f'{of}"text" is empty')
    elif not is_text(text):
        wrong.append(f'{of}"text" holds half a surrogate pair')
    for key, given in extra.items():
        if given is not None and not isinstance(given, str):
            wrong.append(f'{of}"{key}" is {json_kind(given)}, not a text')
    return wrong


# ── tables and topics ────────────────────────────────────────────────────────────────────────────


def _from_table(source: Source, mistakes: ProblemList, warn: Warn) -> Iterator[tuple[int, Query]]:
    layout = find_layout(source, FORMAT, mistakes) or _layout_without_header(source, mistakes)
    if layout is None:
        return
    for line, (name, text, task, where) in read_rows(source, layout, FORMAT, mistakes, warn):
        if not name:
            mistakes.add(line, "no id before the tab" if layout.header is None else "no query id")
        elif not text.strip():
            mistakes.add(line, f"query {name!r} has no text")
        else:
            yield line, Query(name, text, task or None, where or None)


def _layout_without_header(source: Source, mistakes: ProblemList) -> Layout | None:
    """Layout of id<TAB>text; None after adding what is wrong, if anything is there."""
    _, rows, _ = first_rows(source)
    if not rows or mistakes.found:
        return None
    number, line = rows[0]
    if b"\t" not in source.data:
        tables = [[sample_cells(line, s) for _, line in rows] for s in FORMAT.separators]
        fitting = (t for t in tables if len(t) > 1 and {len(cells) for cells in t} == {len(t[0])})
        names = next((t[0] for t in fitting if len(t[0]) > 1), None)
        if names is None:
            mistakes.add(number, f"not a query file (expected {ACCEPTED_FORMS})")
        else:
            mistakes.add(number, misread_message(names, FORMAT))
        return None
    if _is_header([sample_cells(line, "\t") for _, line in rows]):
        mistakes.add(number, misread_message(sample_cells(line, "\t"), FORMAT))
        return None
    roles = (RECORD_ID, QUERY_TEXT, TASK, WHERE)
    return Layout("\t", 2, roles, (0, 1, None, None), None, is_quoted(source, "\t", line))


def _is_header(rows: list[list[str]]) -> bool:
    """True if the first row looks like a header that `find_layout` did not understand.

    It names the id's column, or all others have a digit in their id and it has one word a column and
    no digit.
    """
    names, others = rows[0], rows[1:]
    if len(names) < 2 or any(re.search(r"\d", name) for name in names):
        return False
    if any(re.fullmatch(s, normalize_name(n)) for n in names for s in RECORD_ID.spellings[:4]):
        return True
    one_word = all(len(name.split()) == 1 for name in names)
    return one_word and bool(others) and all(re.search(r"\d", cells[0]) for cells in others)


def _topics(
    topics: Iterator[tuple[int, str, str]], mistakes: ProblemList
) -> Iterator[tuple[int, Query]]:
    for line, name, title in topics:
        if not name:
            mistakes.add(line, "a topic without a number")
        if not title:
            mistakes.add(line, f"topic {name or '?'} has no title")
        if name and title:
            yield line, Query(name, title)
