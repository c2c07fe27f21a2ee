"""`qembed rerank`: hits from a pipe, or a run from elsewhere, in a better order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError
from qembed.models import Model, open_model, open_reranker, passage_text, query_text, resolve_task
from qembed.pipeline.fuse import LATE_WEIGHT, mixed
from qembed.pipeline.recipe import TITLE_RULE
from qembed.pipeline.session import Session
from qembed.types import Query, Run

if TYPE_CHECKING:
    from qembed.types import Scores

Line = dict[str, Any]


def parse_hits(lines: Iterable[bytes], name: str = "-") -> list[Line]:
    """`qembed query --format jsonl`'s lines. Raises InputError with all lines that are not such."""
    found: list[Line] = []
    problems = []
    for n, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            body = json.loads(raw)
            if not isinstance(body["query"], str) or not isinstance(body["text"], str):
                raise TypeError
            body.setdefault("query_id", "1")
            found.append(body)
        except (ValueError, KeyError, TypeError):
            problems.append(
                f'{name}:{n}: not a hit: a JSON object with "query" and "text" is wanted'
            )
    if problems:
        raise InputError(
            "lines that cannot be reranked (pipe in qembed query --format jsonl):", problems
        )
    return found


def grouped(lines: Sequence[Line]) -> dict[str, list[Line]]:
    """Query id -> its lines, in the order they came."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        found.setdefault(str(line["query_id"]), []).append(line)
    return found


def rerank_hits(
    lines: Sequence[Line],
    spec: str,
    model_spec: str,
    task: str | None,
    k: int | None,
    track: Callable[[int], None] | None = None,
) -> list[Line]:
    """The same lines, each query's reordered and cut to k, with `scores.rerank` and `rank` filled in."""
    import numpy as np

    if not lines:
        return []
    model = open_model(model_spec)
    profile = model.profile
    reranker = open_reranker(spec, model, task=task)
    resolved = resolve_task(task, profile) if task else profile.task
    late = spec == "late"
    pairs = [
        (
            query_text(profile.query, line["query"], resolved) if late else line["query"],
            passage_text(profile.passage, TITLE_RULE, line.get("title") or "", line["text"]),
        )
        for line in lines
    ]
    scores: Scores = reranker.score(pairs)
    if track is not None:
        track(len(pairs))
    for line, score in zip(lines, scores.tolist(), strict=True):
        line["scores"] = {**(line.get("scores") or {}), "rerank": round(score, 6)}
    found: list[Line] = []
    for group in grouped(lines).values():
        final = np.array([line["scores"]["rerank"] for line in group], dtype=np.float32)
        dense = [line["scores"].get("dense") for line in group]
        if late and all(isinstance(d, (int, float)) for d in dense):
            final = mixed(np.array(dense, dtype=np.float32), final, LATE_WEIGHT)
        # ties keep the order they came in
        order = np.argsort(-final, kind="stable")[: k or len(group)]
        for rank, i in enumerate(order.tolist(), 1):
            found.append({**group[i], "rank": rank, "score": round(float(final[i]), 6)})
    return found


def rerank_run(
    root: Path,
    run: Run,
    queries: Sequence[Query],
    spec: str,
    task: str | None,
    k: int | None,
    track: Callable[[int], None] | None = None,
) -> Run:
    """A run with each document scored by its best passage. Raises InputError for ids the index lacks."""
    import numpy as np

    session = Session(root)
    model: Model = session.model
    texts = {q.id: q for q in queries}
    where = {name: i for i, name in enumerate(session.snapshot.catalog.ids())}
    problems = [f"query {q!r} is in the run, not in the queries" for q in run if q not in texts]
    wanted = {d for documents in run.values() for d in documents}
    problems += [f"document {d!r} is in the run, not in the index" for d in wanted - where.keys()]
    if problems:
        raise InputError("this run cannot be reranked with this index:", sorted(problems))
    reranker = open_reranker(spec, model, task=task)
    resolved = resolve_task(task, model.profile) if task else model.profile.task
    late = spec == "late"
    passages: dict[str, list[str]] = {}
    for name in wanted:
        rows = session.snapshot.rows_of(np.array([where[name]], dtype=np.int64))
        title = session.snapshot.catalog.take([where[name]])[0].title
        passages[name] = [session.finished(title, p.text) for p in session.passages(rows)]
    pairs: list[tuple[str, str]] = []
    owners: list[tuple[str, str]] = []
    for q, documents in run.items():
        words = query_text(model.profile.query, texts[q].text, resolved) if late else texts[q].text
        for d in documents:
            pairs += [(words, p) for p in passages[d]]
            owners += [(q, d)] * len(passages[d])
    scores = reranker.score(pairs)
    if track is not None:
        track(len(pairs))
    best: Run = {q: {} for q in run}
    for (q, d), score in zip(owners, scores.tolist(), strict=True):
        best[q][d] = max(score, best[q].get(d, score))
    final: Run = {}
    for q, found in best.items():
        names = list(found)
        values = np.array([found[d] for d in names], dtype=np.float32)
        if late:
            values = mixed(np.array([run[q][d] for d in names], np.float32), values, LATE_WEIGHT)
        order = np.argsort(-values, kind="stable")[: k or len(names)]
        final[q] = {names[i]: float(values[i]) for i in order.tolist()}
    return final
