"""`qembed rerank`: hits from a pipe, or a run from elsewhere, in a better order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError, UsageError
from qembed.models import Model, open_model, open_reranker, passage_text, query_text, resolve_task
from qembed.pipeline.recipe import TITLE_RULE
from qembed.pipeline.retrieval.answer import RerankSummary
from qembed.pipeline.retrieval.fusion import LATE_ALONE, late_share
from qembed.pipeline.retrieval.pair_scoring import ordered, score_pairs, summarize_rerank
from qembed.pipeline.retrieval.session import Session
from qembed.types import Query, Run

if TYPE_CHECKING:
    from qembed.models import Profile
    from qembed.types import Scorer, Scores

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
            if not isinstance(body.get("task", ""), (str, type(None))):
                raise TypeError
            if not isinstance(body.get("scores") or {}, dict):
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


@dataclass(frozen=True, slots=True)
class RerankOptions:
    """How to rerank. `task`: of queries that have none of their own. `k` None: keep all.

    `budget`: seconds of scoring, None without a limit.
    """

    spec: str
    task: str | None = None
    k: int | None = None
    budget: float | None = None
    min_score: float | None = None

    @property
    def late(self) -> bool:
        """Whether it is late interaction, which reads what the encoder reads."""
        return self.spec == "late"


def check_rerank_options(how: RerankOptions) -> None:
    """Raises UsageError for options that do not go together."""
    if how.k is not None and how.k < 1:
        raise UsageError("-k: at least 1")
    if how.late and how.min_score is not None:
        raise UsageError(
            "--min-score with late: its scores order one query's candidates and mean nothing beyond "
            "(take a cross-encoder, whose scores are probabilities)"
        )


def opener(how: RerankOptions, model_spec: str) -> Callable[[], tuple[Model, Scorer]]:
    """Loads the model that `model_spec` names and its reranker."""

    def opened() -> tuple[Model, Scorer]:
        model = open_model(model_spec)
        return model, open_reranker(how.spec, model)

    return opened


def rerank_hits(
    lines: Sequence[Line],
    how: RerankOptions,
    opened: Callable[[], tuple[Model, Scorer]],
    track: Callable[[int], None] | None = None,
) -> tuple[list[Line], RerankSummary | None]:
    """The same lines, each query's reordered and cut to k, with `scores.rerank` and `rank` filled in.

    `opened` gives model and reranker, if there are lines; `opener` makes one. `scores.rerank` is null for
    what a budget did not reach. The second is None if there were no lines.
    """
    import numpy as np

    check_rerank_options(how)
    if not lines:
        return [], None
    model, reranker = opened()
    profile = model.profile
    tasks = [line.get("task") or how.task for line in lines]
    template = profile.passage if how.late else "{text}"
    pairs = [
        (
            _instructed(profile, line["query"], task) if how.late else line["query"],
            passage_text(template, TITLE_RULE, line.get("title") or "", line["text"]),
        )
        for line, task in zip(lines, tasks, strict=True)
    ]
    groups: dict[str, list[int]] = {}
    for i, line in enumerate(lines):
        groups.setdefault(str(line["query_id"]), []).append(i)
    ranks = [0] * len(lines)
    for group in groups.values():
        for rank, i in enumerate(group):
            ranks[i] = rank
    scores = score_pairs(reranker, pairs, ranks, how.budget, track, tasks=tasks)
    found: list[Line] = []
    for group in groups.values():
        given = scores[group]
        before = [lines[i].get("score") for i in group]
        mix = how.late and all(isinstance(s, (int, float)) for s in before)
        first = np.array(before if mix else np.zeros(len(group)), dtype=np.float32)
        share = late_share(_arm(lines, group, "dense"), _arm(lines, group, "lexical"))
        final, order = ordered(first, given, share if mix else 1.0)
        for rank, at in enumerate(_kept(final, order, how), 1):
            line = lines[group[at]]
            value = None if np.isnan(given[at]) else round(float(given[at]), 6)
            stages = {**(line.get("scores") or {}), "rerank": value}
            score = round(float(final[at]), 6)
            found.append({**line, "scores": stages, "rank": rank, "score": score})
    return found, summarize_rerank(how.spec, reranker, scores)


def _instructed(profile: Profile, query: str, task: str | None) -> str:
    """A query as it is encoded, with its task by name or in full, or the model's own."""
    resolved = resolve_task(task, profile) if task else profile.task
    return query_text(profile.query, query, resolved)


def _arm(lines: Sequence[Line], group: Sequence[int], name: str) -> Scores | None:
    """The scores that one arm of the stage before gave, None if not all lines tell them."""
    import numpy as np

    told = [(lines[i].get("scores") or {}).get(name) for i in group]
    if not all(isinstance(s, (int, float)) for s in told):
        return None
    return np.array(told, dtype=np.float32)


def _kept(final: Scores, order: Any, how: RerankOptions) -> list[int]:
    """Positions, best first, down to the least score and to k."""
    kept: list[int] = order.tolist()
    if how.min_score is not None:
        kept = [i for i in kept if final[i] >= how.min_score]
    return kept[: how.k or len(kept)]


def rerank_run(
    session: Session,
    run: Run,
    queries: Sequence[Query],
    how: RerankOptions,
    track: Callable[[int], None] | None = None,
) -> tuple[Run, RerankSummary]:
    """A run with each document scored by its best passage. Raises InputError for ids the index lacks."""
    import numpy as np

    check_rerank_options(how)
    model: Model = session.loaded.model
    texts = {q.id: q for q in queries}
    where = {name: i for i, name in enumerate(session.snapshot.catalog.ids())}
    problems = [f"query {q!r} is in the run, not in the queries" for q in run if q not in texts]
    wanted = {d for documents in run.values() for d in documents}
    problems += [f"document {d!r} is in the run, not in the index" for d in wanted - where.keys()]
    if problems:
        raise InputError("this run cannot be reranked with this index:", sorted(problems))
    task = how.task or session.snapshot.manifest.settings.get("task")
    reranker = session.loaded.reranker(how.spec)
    render = session.loaded.encoder_text if how.late else session.loaded.reranker_text
    passages: dict[str, list[str]] = {}
    for name in wanted:
        rows = session.snapshot.rows_of(np.array([where[name]], dtype=np.int64))
        title = session.snapshot.catalog.take([where[name]])[0].title
        passages[name] = [render(title, p.text, p.label) for p in session.documents.passages(rows)]
    pairs: list[tuple[str, str]] = []
    owners: list[tuple[str, str]] = []
    ranks: list[int] = []
    tasks: list[str | None] = []
    for q, documents in run.items():
        words, own = texts[q].text, texts[q].task or task
        if how.late:
            words = _instructed(model.profile, words, own)
        for rank, d in enumerate(sorted(documents, key=lambda d: (-documents[d], d))):
            pairs += [(words, p) for p in passages[d]]
            owners += [(q, d)] * len(passages[d])
            ranks += [rank] * len(passages[d])
            tasks += [own] * len(passages[d])
    scores = score_pairs(reranker, pairs, ranks, how.budget, track, tasks=tasks)
    best: Run = {q: {} for q in run}
    for (q, d), score in zip(owners, scores.tolist(), strict=True):
        if not np.isnan(score):
            best[q][d] = max(score, best[q].get(d, score))
    final: Run = {}
    for q, documents in run.items():
        names = sorted(documents, key=lambda d: (-documents[d], d))
        given = np.array([best[q].get(d, np.nan) for d in names], dtype=np.float32)
        first = np.array([documents[d] for d in names], dtype=np.float32)
        # of a run it is not known what its scores were made of
        values, order = ordered(first, given, LATE_ALONE if how.late else 1.0)
        final[q] = {names[i]: float(values[i]) for i in _kept(values, order, how)}
    return final, summarize_rerank(how.spec, reranker, scores)
