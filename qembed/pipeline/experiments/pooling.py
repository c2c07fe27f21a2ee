"""`qembed eval pool`: what several ways of searching find, pooled to be judged."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qembed.errors import InputError, UsageError
from qembed.evaluation import Candidate, ranked, read_qrels, read_queries, read_run
from qembed.pipeline.experiments.ablation import modes
from qembed.pipeline.experiments.run_builder import RunBuilder
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.session import Session
from qembed.types import Qrels


def pool(
    root: Path,
    queries: Path,
    *,
    asked: QueryOptions,
    depth: int = 10,
    wanted: Sequence[str] = (),
    runs: Sequence[Path] = (),
    qrels: Path | None = None,
    model: str | None = None,
) -> list[Candidate]:
    """The `depth` best documents of each query in each of the modes `wanted` (all there are) and runs.

    In an order that does not tell the rank, so that a judge is not led. Grades that `qrels` has are
    filled in. Raises UsageError, InputError for runs that name documents the index lacks.
    """
    import numpy as np

    if depth < 1:
        raise UsageError("--depth: at least 1")
    asking = read_queries(queries)
    known: Qrels = read_qrels(qrels) if qrels is not None else {}
    foreign = [(path, read_run(path)) for path in runs]
    with Session(root, model) as session:
        ranker = RunBuilder(session, asking)
        problems = [
            f"{path}: query {query!r}: document {document!r} is not in the index"
            for path, run in foreign
            for query in (q.id for q in asking)
            for document in ranked(run.get(query, {}))[:depth]
            if document not in ranker.documents
        ]
        if problems:
            raise InputError("these runs are of another corpus:", problems)
        rows: dict[tuple[str, str], int] = {}
        for mode in wanted or modes(session):
            found = ranker.rank(replace(asked, mode=mode, k=depth))
            for query, hits in found.run.items():
                for document in ranked(hits)[:depth]:
                    rows.setdefault((query, document), found.rows.get((query, document), -1))
        position = {name: i for i, name in enumerate(ranker.names)}
        first, _ = session.snapshot.catalog.pointers()
        for q in asking:
            graded = known.get(q.id, {})
            found_elsewhere = [d for _, run in foreign for d in ranked(run.get(q.id, {}))[:depth]]
            for document in [*found_elsewhere, *graded]:
                if document in position:
                    rows.setdefault((q.id, document), -1)
        for (query, document), row in rows.items():
            if row < 0:  # found by another system: it opens with its first passage
                rows[query, document] = int(first[position[document]])
        pairs = sorted(rows, key=_shuffled)
        at = np.array([rows[pair] for pair in pairs], dtype=np.int64)
        texts = [p.text for p in session.passages(at)] if len(pairs) else []
        by_query: dict[str, list[Candidate]] = {q.id: [] for q in asking}
        words = {q.id: q.text for q in asking}
        for (query, document), text in zip(pairs, texts, strict=True):
            title = ranker.titles[position[document]]
            grade = known.get(query, {}).get(document)
            by_query[query].append(Candidate(query, words[query], document, title, text, grade))
    return [candidate for found in by_query.values() for candidate in found]


def _shuffled(pair: tuple[str, str]) -> bytes:
    """An order that is the same every time and says nothing of ranks."""
    return hashlib.blake2b("\0".join(pair).encode("utf-8", "surrogatepass"), digest_size=8).digest()
