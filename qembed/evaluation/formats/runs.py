"""Reader and writer of runs. Rules: see `formats`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from qembed.errors import InputError, UsageError
from qembed.evaluation.formats.json_records import (
    identifier,
    is_text,
    json_kind,
    json_object,
    looks_like_json,
    pick,
    records,
)
from qembed.evaluation.formats.qrels import DOCUMENT_NAMES, QUERY_NAMES, is_nested
from qembed.evaluation.formats.source_file import (
    ASCII_WHITESPACE,
    ProblemList,
    Source,
    atomic_text_file,
)
from qembed.types import Run

_Found = tuple[int | None, Any, dict[str, Any] | None]
"""Line, query id, hit; the hit is None for a query of `--format json` without hits."""

ACCEPTED_FORMS = (
    "TREC's `qid Q0 docid rank score tag`, JSON {qid: {docid: score}}, or qembed's JSON lines"
)


def read_run(path: Path) -> Run:
    """Read a run: TREC columns, JSON {qid: {docid: score}}, or the output of `qembed query`.

    Queries are in the file's order. Raises InputError with every mistake.
    """
    source, mistakes = Source.read(path), ProblemList(path)
    whole = json_object(source, mistakes) if looks_like_json(source) else None
    if whole is not None and is_nested(whole):
        run = _from_nested(whole, mistakes)
    elif looks_like_json(source):
        run = _from_hits(_hits(source, whole, mistakes), mistakes)
    else:
        run = _from_columns(source, mistakes)
    if not run and not mistakes.found:
        mistakes.add(1, f"there is no result in it (expected {ACCEPTED_FORMS})")
    mistakes.close()
    return run


def _from_columns(source: Source, mistakes: ProblemList) -> Run:
    run: Run = {}
    for line, row in source.lines(mistakes):
        fields = ASCII_WHITESPACE.split(row.strip(" \t\r\f\v"))
        if len(fields) != 6:
            mistakes.add(line, f"{len(fields)} columns where TREC runs have 6")
            continue
        query, _, document, _, text, _ = fields
        score = _score(text)
        hits = run.setdefault(query, {})
        if isinstance(score, str):
            mistakes.add(line, score)
        elif document in hits:
            mistakes.add(line, f"document {document!r} is there twice for query {query!r}")
        else:
            hits[document] = score
    return run


def _from_nested(nested: dict[str, dict[str, Any]], mistakes: ProblemList) -> Run:
    run: Run = {}
    for query, hits in nested.items():
        found = run.setdefault(query, {})
        if identifier(query) is None:
            mistakes.add(None, f"query id {query!r}")
        for document, value in hits.items():
            score = _score(value)
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
        document, score = identifier(pick(hit, DOCUMENT_NAMES)), _score(pick(hit, ("score",)))
        if document is None:
            mistakes.add(line, 'no "document"')
        elif isinstance(score, str):
            mistakes.add(line, score)
        else:
            # hits are passages: a document counts by its best one
            best[document] = max(score, best.get(document, score))
    return run


def _hits(source: Source, whole: dict[str, Any] | None, mistakes: ProblemList) -> Iterator[_Found]:
    queries = whole.get("queries") if whole is not None else None
    if not isinstance(queries, list):
        for line, record in records(source, mistakes):
            yield line, pick(record, QUERY_NAMES[:3]), record
        return
    for place, entry in enumerate(queries, 1):
        hits = entry.get("hits") if isinstance(entry, dict) else None
        if not isinstance(hits, list) or not all(isinstance(hit, dict) for hit in hits):
            mistakes.add(None, f'query {place} has no list of "hits"')
            continue
        yield None, entry.get("query_id"), None
        for hit in hits:
            yield None, entry.get("query_id"), hit


def _score(value: Any) -> float | str:
    """Parse a score; returns a message for what is none."""
    if value is None or isinstance(value, bool | list | dict):
        return "no score" if value is None else f"score is {json_kind(value)}"
    # float() would also take "1_0" and "nan"
    if isinstance(value, str) and not re.fullmatch(r"[+-]?[0-9.]+([eE][+-]?[0-9]+)?", value):
        return f"score {value!r} is not a finite number"
    try:
        score = float(value)
    except (ValueError, OverflowError):
        return f"score {str(value)[:40]!r} is not a finite number"
    return score if math.isfinite(score) else f"score {value!r} is not a finite number"


def write_run(run: Run, path_or_stream: Path | TextIO, tag: str = "qembed") -> None:
    """Write a run: queries in its order, documents by score.

    Writes TREC's six columns, or JSON {qid: {docid: score}} for a path that ends in .json. Scores read back
    as the same floats; ties are ordered by document id, descending, as they are measured. A query without
    hits has no line in TREC form. Raises InputError for ids that TREC columns cannot hold and for scores
    that are not finite, UsageError for a tag with white space, StorageError if the disk refuses.
    """
    as_json = isinstance(path_or_stream, Path) and path_or_stream.suffix.lower() == ".json"
    if not _is_one_word(tag):
        raise UsageError(f"a run's tag is one word, not {tag!r}")
    _check_writable(run, as_json)
    if not isinstance(path_or_stream, Path):
        path_or_stream.writelines(_trec_lines(run, tag))
        return
    with atomic_text_file(path_or_stream) as stream:
        if as_json:
            ordered = {query: dict(_sorted_hits(hits)) for query, hits in run.items()}
            json.dump(ordered, stream, ensure_ascii=False, indent=1)
            stream.write("\n")
        else:
            stream.writelines(_trec_lines(run, tag))


def _check_writable(run: Run, as_json: bool) -> None:
    """Raise InputError for scores and ids that the form cannot hold."""
    bad = [
        f"query {query!r}, document {document!r}: score {score}"
        for query, hits in run.items()
        for document, score in hits.items()
        if not math.isfinite(score)
    ]
    if bad:
        raise InputError("cannot write a run with scores that are not finite", bad)
    fits = is_text if as_json else _is_one_word
    bad = [f"query id {query!r}" for query in run if not fits(query)]
    documents = {document: None for hits in run.values() for document in hits}
    bad += [f"document id {document!r}" for document in documents if not fits(document)]
    if bad:
        what = "ids that are not text" if as_json else "ids with white space in a TREC run"
        instead = "" if as_json else " (a path that ends in .json takes them)"
        raise InputError(f"cannot write {what}{instead}", bad)


def _is_one_word(name: str) -> bool:
    # stricter than read_run: other readers use str.split, which also splits at U+3000
    return bool(name) and name.split() == [name] and "\0" not in name and is_text(name)


def _sorted_hits(hits: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(
        ((document, float(score)) for document, score in hits.items()),
        key=lambda hit: (hit[1], hit[0]),
        reverse=True,
    )


def _trec_lines(run: Run, tag: str) -> Iterator[str]:
    for query, hits in run.items():
        for rank, (document, score) in enumerate(_sorted_hits(hits), 1):
            yield f"{query} Q0 {document} {rank} {score!r} {tag}\n"
