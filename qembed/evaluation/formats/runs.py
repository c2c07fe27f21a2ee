"""Reader and writer of run files. The rules are in `formats`."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.column_names import (
    DOCUMENT_ID,
    QUERY_ID,
    RANK,
    SCORE,
    AmbiguousNames,
    find_names,
    found_names,
)
from qembed.evaluation.formats.json_records import (
    identifier,
    is_text,
    json_kind,
    json_object,
    looks_like_json,
    pick,
    records,
)
from qembed.evaluation.formats.numbers import is_number, parse_score
from qembed.evaluation.formats.qrels import is_nested
from qembed.evaluation.formats.source_file import (
    ProblemList,
    Source,
    Warn,
    atomic_text_file,
    ignore_warning,
    summarize_names,
)
from qembed.evaluation.formats.table_layout import TableFormat, add_misfit, find_layout
from qembed.evaluation.formats.table_rows import read_rows
from qembed.evaluation.formats.trec_ids import decode_id, encode_id, fits_columns
from qembed.types import Run

_Found = tuple[int | None, Any, dict[str, Any] | None]
"""Line, query id, hit; no hit for a query of `--format json` that found nothing."""

ACCEPTED_FORMS = (
    "TREC's `qid Q0 docid rank score tag`, a header such as query-id, corpus-id, score, "
    "JSON {qid: {docid: score}}, or qembed's JSON lines"
)
FORMAT = TableFormat(
    alternatives=((QUERY_ID, DOCUMENT_ID, SCORE), (QUERY_ID, DOCUMENT_ID, RANK)),
    shapes={6: (0, 2, 4)},
    number=2,
    is_number=is_number,
)


def read_run(path: Path, *, warn: Warn = ignore_warning) -> Run:
    """Run of a file: TREC columns, a table with a header, JSON, or what `qembed query` wrote.

    Queries stay in the file's order. A document that is there twice for a query with one score is
    reported to `warn`. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    whole = json_object(source, mistakes) if looks_like_json(source) else None
    if whole is not None and is_nested(whole):
        run = _from_nested(whole, mistakes)
    elif looks_like_json(source):
        run = _from_hits(_hits(source, whole, mistakes), mistakes)
    else:
        run = _from_table(source, mistakes, warn)
    if not run and not mistakes.found:
        mistakes.add(1, f"there is no result in it (expected {ACCEPTED_FORMS})")
    mistakes.close()
    return run


def _from_table(source: Source, mistakes: ProblemList, warn: Warn) -> Run:
    run: Run = {}
    repeated: list[str] = []
    layout = find_layout(source, FORMAT, mistakes)
    if layout is None:
        if not mistakes.found:
            add_misfit(source, FORMAT, "a run", ACCEPTED_FORMS, mistakes)
        return run
    sign = -1.0 if layout.roles[2] is RANK else 1.0
    for line, (query, document, text) in read_rows(source, layout, FORMAT, mistakes, warn):
        if layout.header is None:
            query, document = decode_id(query), decode_id(document)
        if not query or not document:
            mistakes.add(line, "no document id" if query else "no query id")
            continue
        score = parse_score(text)
        if isinstance(score, str):
            mistakes.add(line, score)
            continue
        score *= sign
        hits = run.setdefault(query, {})
        if document not in hits:
            hits[document] = score
        elif hits[document] == score:
            repeated.append(f"line {line}")
        else:
            mistakes.add(line, f"document {document!r} is there twice for query {query!r}")
    if repeated:
        count = len(repeated)
        warn(
            f"{source.path}: lines that repeat an earlier one: {count} ({summarize_names(repeated)})"
        )
    return run


def _from_nested(nested: dict[str, dict[str, Any]], mistakes: ProblemList) -> Run:
    run: Run = {}
    for query, hits in nested.items():
        found = run.setdefault(query, {})
        if identifier(query) is None:
            mistakes.add(None, f"query id {query!r}")
        for document, value in hits.items():
            score = parse_score(value)
            if identifier(document) is None:
                mistakes.add(None, f"query {query!r}: document id {document!r}")
            elif isinstance(score, str):
                mistakes.add(None, f"query {query!r}, document {document!r}: {score}")
            else:
                found[document] = score
    return run


def _from_hits(hits: Iterator[_Found], mistakes: ProblemList) -> Run:
    run: Run = {}
    for line, query_id, hit in hits:
        query = identifier(query_id)
        if query is None:
            mistakes.add(line, f'"query_id" is {json_kind(query_id)}')
            continue
        best = run.setdefault(query, {})
        if hit is None:
            continue
        try:
            name, value = pick(hit, DOCUMENT_ID, SCORE)
        except AmbiguousNames as e:
            mistakes.add(line, str(e))
            continue
        document, score = identifier(name), parse_score(value)
        if document is None:
            mistakes.add(line, 'no "document"')
        elif isinstance(score, str):
            mistakes.add(line, score)
        else:
            # Hits are passages: a document counts as its best one.
            best[document] = max(score, best.get(document, score))
    return run


def _hits(source: Source, whole: dict[str, Any] | None, mistakes: ProblemList) -> Iterator[_Found]:
    queries = whole.get("queries") if whole is not None else None
    if not isinstance(queries, list):
        for line, record in records(source, mistakes):
            try:
                (place,) = find_names(tuple(record), (QUERY_ID,))
            except AmbiguousNames as e:
                mistakes.add(line, str(e))
                continue
            if place is None:
                mistakes.add(line, f"no query id: keys {found_names(tuple(record))}")
            else:
                yield line, list(record.values())[place], record
        return
    for place, entry in enumerate(queries, 1):
        hits = entry.get("hits") if isinstance(entry, dict) else None
        if not isinstance(hits, list) or not all(isinstance(hit, dict) for hit in hits):
            mistakes.add(None, f'query {place} has no list of "hits"')
            continue
        yield None, entry.get("query_id"), None
        for hit in hits:
            yield None, entry.get("query_id"), hit


FLOAT32_DIGITS = 9
"""Significant digits that tell any two float32 numbers apart."""


def write_run(
    run: Run,
    path_or_stream: Path | TextIO,
    tag: str = "qembed",
    *,
    warn: Warn = ignore_warning,
) -> None:
    """Write a run, queries in its order, each one's documents by score and then by id.

    TREC's six columns, or JSON {qid: {docid: score}} for a path that ends in .json. Scores are
    written so that order and ties survive: a query's float32 ones with the nine digits that tell any two
    apart and give the same float32 back, others so that reading them gives the same floats. Ties go by
    document id, descending, the order in which they are measured. A query without hits has no line
    in TREC form. Ids that TREC columns cannot hold are written as `trec_ids` says, and counted to
    `warn`. Raises InputError for ids that are no text and for NaN, UsageError for a tag with white
    space, StorageError if the disk refuses.
    """
    as_json = isinstance(path_or_stream, Path) and path_or_stream.suffix.lower() == ".json"
    if not fits_columns(tag):
        raise UsageError(f"a run's tag is one word, not {tag!r}")
    _refuse(run)
    if not as_json:
        _warn_of_encoded_ids(run, warn)
    if not isinstance(path_or_stream, Path):
        path_or_stream.writelines(_trec_lines(run, tag))
        return
    with atomic_text_file(path_or_stream) as stream:
        if as_json:
            json.dump(_json_run(run), stream, ensure_ascii=False, indent=1, allow_nan=False)
            stream.write("\n")
        else:
            stream.writelines(_trec_lines(run, tag))


def _refuse(run: Run) -> None:
    bad = [
        f"query {query!r}, document {document!r}: score {score}"
        for query, hits in run.items()
        for document, score in hits.items()
        if math.isnan(score)
    ]
    if bad:
        raise InputError("cannot write a run with scores that are not numbers", bad)
    bad = [f"query id {query!r}" for query in run if not query or not is_text(query)]
    documents = {document: None for hits in run.values() for document in hits}
    bad += [f"document id {d!r}" for d in documents if not d or not is_text(d)]
    if bad:
        raise InputError("cannot write ids that are not text", bad)


def _warn_of_encoded_ids(run: Run, warn: Warn) -> None:
    ids = dict.fromkeys([*run, *(document for hits in run.values() for document in hits)])
    encoded = [shown for name in ids if (shown := encode_id(name)) != name]
    if encoded:
        warn(
            f"ids that TREC columns cannot hold, written in quotes with escapes: {len(encoded)} "
            f"({summarize_names(encoded, 3)}); qembed reads them back, other tools need a .json run"
        )


def _ordered(hits: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(
        ((document, float(score)) for document, score in hits.items()),
        key=lambda hit: (hit[1], hit[0]),
        reverse=True,
    )


def _json_run(run: Run) -> dict[str, dict[str, float | str]]:
    """The run for JSON, which has no infinite numbers: "inf" and "-inf" stand for them."""
    return {
        query: {d: s if math.isfinite(s) else str(s) for d, s in _ordered(hits)}
        for query, hits in run.items()
    }


def _trec_lines(run: Run, tag: str) -> Iterator[str]:
    for query, hits in run.items():
        name = encode_id(query)
        single = all(map(is_float32, hits.values()))
        for rank, (document, score) in enumerate(_ordered(hits), 1):
            shown = repr(float(f"{score:.{FLOAT32_DIGITS}g}") if single else score)
            yield f"{name} Q0 {encode_id(document)} {rank} {shown} {tag}\n"


def is_float32(score: float) -> bool:
    """True for a number that a float32 holds exactly."""
    try:
        (found,) = struct.unpack("f", struct.pack("f", score))
    except OverflowError:
        return False
    return bool(found == score)
