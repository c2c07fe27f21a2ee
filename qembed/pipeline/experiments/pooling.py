"""`qembed eval pool`: candidates of several search modes and runs in one file to grade; judgments from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from qembed.errors import InputError, UsageError
from qembed.evaluation import (
    Candidate,
    rank_documents,
    read_pool,
    read_qrels,
    read_queries,
    read_run,
    write_pool,
    write_qrels,
)
from qembed.evaluation.formats.source_file import Warn
from qembed.outputs import check_outputs
from qembed.pipeline.experiments.ablation import modes
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels, Query, Run


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """Inputs of a pool. `modes` empty: all that the index supports. `qrels`: grades that are known."""

    queries: Path
    asked: QueryOptions
    depth: int = 10
    modes: Sequence[str] = ()
    runs: Sequence[Path] = ()
    qrels: Path | None = None
    model: str | None = None


def write_candidates(
    root: Path,
    options: PoolOptions,
    output: Path,
    warn: Warn,
    progress: Progress | None = None,
) -> list[Candidate]:
    """Pool the index's candidates (see `pool`) and write them to a file to grade.

    Raises as `pool` and `write_pool` do.
    """
    check_outputs([output])
    candidates = pool(root, options, warn, progress)
    write_pool(candidates, output)
    return candidates


def write_judgments(graded: Path, output: Path, warn: Warn) -> Qrels:
    """Write the judgments of a graded file. Raises InputError, StorageError."""
    qrels = read_pool(graded, warn=warn)
    write_qrels(qrels, output)
    return qrels


def pool(
    root: Path, options: PoolOptions, warn: Warn, progress: Progress | None = None
) -> list[Candidate]:
    """Pool the `depth` best documents of each query in each mode and run, and those judged already.

    Candidates of one query are in an order that does not tell the rank, so that a judge is not led.
    `warn`: called with a line on each oddity of a file. Raises UsageError, and InputError for runs that
    name documents the index lacks.
    """
    if options.depth < 1:
        raise UsageError("--depth: at least 1")
    queries = read_queries(options.queries, warn=warn)
    known: Qrels = {} if options.qrels is None else read_qrels(options.qrels, warn=warn)
    runs = {path: read_run(path, warn=warn) for path in options.runs}
    with Session(root, options.model) as session:
        builder = RunBuilder(session, queries, progress=progress)
        _check_documents(runs, builder, options.depth)
        position = {name: i for i, name in enumerate(builder.names)}
        rows = _rows_found(builder, options, warn)
        for pair in _listed(builder.queries, list(runs.values()), known, options.depth):
            if pair[1] in position:
                rows.setdefault(pair, _FIRST)
        pairs = sorted(rows, key=_shuffled)
        texts = _texts(session, [(rows[pair], position[pair[1]]) for pair in pairs])
    by_query: dict[str, list[Candidate]] = {q.id: [] for q in queries}
    words = {q.id: q.text for q in queries}
    for (query, document), text in zip(pairs, texts, strict=True):
        title = builder.titles[position[document]]
        grade = known.get(query, {}).get(document)
        by_query[query].append(Candidate(query, words[query], document, title, text, grade))
    return [candidate for found in by_query.values() for candidate in found]


_Pair = tuple[str, str]
"""Query id, document id."""
_FIRST = -1
"""Placeholder for a row: the document's first passage."""


def _check_documents(runs: Mapping[Path, Run], builder: RunBuilder, depth: int) -> None:
    problems = [
        f"{path}: query {q.id!r}: document {document!r} is not in the index"
        for path, run in runs.items()
        for q in builder.queries
        for document in rank_documents(run.get(q.id, {}))[:depth]
        if document not in builder.documents
    ]
    if problems:
        raise InputError("these runs are of another corpus:", problems)


def _rows_found(builder: RunBuilder, options: PoolOptions, warn: Warn) -> dict[_Pair, int]:
    """Search in every mode. Maps each candidate to its best passage's row in the first mode with it."""
    rows: dict[_Pair, int] = {}
    told: dict[str, None] = {}
    for mode in options.modes or modes(builder.session):
        built = builder.rank(replace(options.asked, mode=mode, k=options.depth), label=mode)
        for query, hits in built.run.items():
            for document in rank_documents(hits)[: options.depth]:
                pair = query, document
                rows.setdefault(pair, built.rows.get(pair, _FIRST))
        told.update(dict.fromkeys(built.warnings))
    for line in told:
        warn(line)
    return rows


def _listed(
    queries: Sequence[Query], runs: Sequence[Run], known: Qrels, depth: int
) -> Iterator[_Pair]:
    """Pairs that other systems' runs and judgments name, for the given queries."""
    for q in queries:
        for run in runs:
            yield from ((q.id, document) for document in rank_documents(run.get(q.id, {}))[:depth])
        yield from ((q.id, document) for document in known.get(q.id, {}))


def _texts(session: Session, candidates: Sequence[tuple[int, int]]) -> list[str]:
    """Read the passages' texts. `candidates`: (row or _FIRST, position of the document in the catalog)."""
    import numpy as np

    if not candidates:
        return []
    first, _ = session.snapshot.catalog.pointers()
    rows = [int(first[position]) if row == _FIRST else row for row, position in candidates]
    return [p.text for p in session.documents.passages(np.array(rows, dtype=np.int64))]


def _shuffled(pair: _Pair) -> bytes:
    """Sort key that is the same in every run and says nothing of ranks."""
    return hashlib.blake2b("\0".join(pair).encode("utf-8", "surrogatepass"), digest_size=8).digest()
