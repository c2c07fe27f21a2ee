"""Reader of query files. Rules: see `formats`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qembed.errors import InputError
from qembed.evaluation.formats.json_records import (
    identifier,
    is_text,
    json_kind,
    looks_like_json,
    pick,
    plain_name,
    records,
)
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    ignore_warning,
    summarize_names,
)
from qembed.evaluation.formats.topics import classic_topics, xml_topics
from qembed.types import Query

ID_NAMES = ("_id", "id", "query-id", "qid", "queryid", "topic", "topic-id", "number")
TEXT_NAMES = ("text", "query", "query-text", "title", "question")
ACCEPTED_FORMS = "JSON lines, a JSON array, lines of id<TAB>text, or TREC topics"


def read_queries(path: Path, *, warn: Warn = ignore_warning) -> list[Query]:
    """Read queries in the file's order: BEIR JSON lines, JSON array, TSV or TREC topics.

    A repeated query is kept once and reported to `warn`. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    queries: dict[str, Query] = {}
    lines: dict[str, int] = {}
    repeated: list[str] = []
    for line, query in _parse(source, mistakes):
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


def _parse(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Query]]:
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
    return _from_columns(source, mistakes)


def _from_json(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Query]]:
    for line, record in records(source, mistakes):
        name = identifier(pick(record, ID_NAMES))
        text = pick(record, TEXT_NAMES)
        extra = {key: record.get(key) for key in ("task", "where")}
        wrong = _wrong_in(record, name, text, extra)
        for what in wrong:
            mistakes.add(line, what)
        if name is not None and not wrong:
            yield line, Query(name, text, extra["task"], extra["where"])


def _wrong_in(
    record: dict[str, Any], name: str | None, text: Any, extra: dict[str, Any]
) -> list[str]:
    wrong = []
    if name is None:
        found = pick(record, ID_NAMES)
        wrong.append('no "_id"' if found is None else f'"_id" cannot be {found!r}')
    if not isinstance(text, str):
        wrong.append('no "text"' if text is None else f'"text" is {json_kind(text)}')
    elif not text.strip():
        wrong.append('"text" is empty')
    elif not is_text(text):
        wrong.append('"text" holds half a surrogate pair')
    for key, value in extra.items():
        if value is not None and not isinstance(value, str):
            wrong.append(f'"{key}" is {json_kind(value)}, not a text')
    return wrong


def _from_columns(source: Source, mistakes: ProblemList) -> Iterator[tuple[int, Query]]:
    if b"\t" not in source.data and source.head:
        mistakes.add(1, f"not a query file (expected {ACCEPTED_FORMS})")
        return
    first = True
    for line, row in source.lines(mistakes):
        name, tab, text = row.partition("\t")
        header = first and plain_name(name) in ID_NAMES and plain_name(text) in TEXT_NAMES
        first = False
        if header:
            continue
        if not tab:
            mistakes.add(line, "no tab between id and text")
        elif not name.strip():
            mistakes.add(line, "no id before the tab")
        elif not text.strip():
            mistakes.add(line, f"query {name.strip()!r} has no text")
        else:
            yield line, Query(name.strip(), text)


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
