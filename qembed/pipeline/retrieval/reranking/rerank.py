"""`qembed rerank`: hits from a pipe, or a run made elsewhere, in a better order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import InputError, UsageError
from qembed.models import (
    Model,
    encoder_spec,
    open_model,
    open_reranker,
    passage_text,
    query_text,
    reranker_spec,
    task_template,
)
from qembed.pipeline.locate import model_spec
from qembed.pipeline.progress import LOAD_RERANKER, Progress, StageTimer
from qembed.pipeline.recipe import TITLE_RULE
from qembed.pipeline.retrieval.answer import hit_json
from qembed.pipeline.retrieval.fusion import rerank_share
from qembed.pipeline.retrieval.options import LEARNED, check_threshold
from qembed.pipeline.retrieval.reranking.job import CandidateGroup, RerankedGroup, RerankJob
from qembed.pipeline.retrieval.reranking.request import (
    HitLine,
    RerankedHits,
    RerankedRun,
    RerankOptions,
    RerankRequest,
    RunRequest,
    check_rerank_options,
    with_tuned_reranker,
)
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.unused_task import AskedTasks, check_tasks, unused_task
from qembed.types import Hit, Query, Results, Run

if TYPE_CHECKING:
    from qembed.models import Profile
    from qembed.protocols import Scorer
    from qembed.types import Scores

Models = Callable[[], tuple[Model, "Scorer"]]
"""Opens the model and the reranker."""


# ── hits ─────────────────────────────────────────────────────────────────────────────────────────


def rerank_hits(
    request: RerankRequest, index: Path | None, progress: Progress | None = None
) -> RerankedHits:
    """Rerank hits in this process.

    `late` compares the request's model, else that of the index (None: there is none), else $QEMBED_MODEL,
    else the built-in one. Raises UsageError, NoIndex, ModelUnavailable.
    """
    check_rerank_options(request.options)
    remembered = None
    if index is not None and (request.model is None or request.options.tuned):
        from qembed.store.manifest import read as read_manifest

        manifest = read_manifest(index)
        remembered = manifest.spec
        request = replace(request, options=with_tuned_reranker(request.options, manifest.tuned))
    if request.options.spec == LEARNED:
        from qembed.pipeline.retrieval.learned.hit_lines import rerank_lines

        if index is None:
            raise UsageError(
                "--model learned: wants the index that it was learned in (--index DIR)"
            )
        with Session(index) as session:
            return rerank_lines(request, session)

    def models() -> tuple[Model, Scorer]:
        model = open_model(model_spec(request.model, remembered))
        return model, open_reranker(request.options.spec, model)

    return rerank_hits_with(models, request, progress)


def rerank_hits_with(
    models: Models, request: RerankRequest, progress: Progress | None = None
) -> RerankedHits:
    """Each query's hits, reordered and cut to k, with `scores.rerank` and `rank` filled in.

    `models` is called if there are hits, or a task, whose name it may know; else names of models are checked
    all the same.
    `scores.rerank` is None for hits that the budget did not reach.
    """
    hits, options = request.hits, request.options
    check_rerank_options(options)
    reranker_spec(options.spec)
    if request.model is not None:
        encoder_spec(request.model)
    if not hits and options.task is None:
        return RerankedHits([], None)
    timer = StageTimer()
    if progress is not None:
        progress.phase(LOAD_RERANKER, "", None)
    with timer(LOAD_RERANKER):
        model, reranker = models()
    _check_least(options, reranker)
    queries: dict[str, list[HitLine]] = {}
    for hit in hits:
        queries.setdefault(str(hit["query_id"]), []).append(hit)
    job = RerankJob([_hit_group(group, options, model.profile) for group in queries.values()])
    with timer("rerank"):
        reordered, summary = job.run(options.spec, reranker, options.budget, progress)
    found: list[HitLine] = []
    for group, new in zip(queries.values(), reordered, strict=True):
        for rank, i in enumerate(new.best(options.min_score, options.k), 1):
            scores = {**(group[i].get("scores") or {}), "rerank": _json_score(new.scores[i])}
            score = round(float(new.final[i]), 6)
            found.append({**group[i], "scores": scores, "rank": rank, "score": score})
    check_tasks(AskedTasks(options.task, [None]), model.profile, summary)
    asked = AskedTasks(options.task, [hit.get("task") for hit in hits])
    unused = unused_task(asked, model if options.late else None, summary)
    return RerankedHits(found, summary, dict(timer), tuple(unused))


def _check_least(options: RerankOptions, reranker: Scorer) -> None:
    """Raise UsageError for a least score that is no probability, where the scores are probabilities."""
    if options.min_score is not None and reranker.calibrated:
        check_threshold(options.min_score, 0.0, "a probability")


def _hit_group(hits: Sequence[HitLine], options: RerankOptions, profile: Profile) -> CandidateGroup:
    """Candidates of one query's hits."""
    import numpy as np

    tasks = [hit.get("task") or options.task for hit in hits]
    template = profile.passage if options.late else "{text}"
    pairs = [
        (
            _instructed(profile, hit["query"], task) if options.late else hit["query"],
            passage_text(template, TITLE_RULE, hit.get("title") or "", hit["text"]),
        )
        for hit, task in zip(hits, tasks, strict=True)
    ]
    scores = [hit.get("score") for hit in hits]
    known = all(isinstance(s, (int, float)) for s in scores)
    prior = _finite_scores(scores) if known else np.zeros(len(hits), dtype=np.float32)
    share = options.share
    if share is None:
        dense, lexical = (_stage_scores(hits, stage) for stage in ("dense", "lexical"))
        share = rerank_share(options.spec, dense, lexical, [hit["text"] for hit in hits])
    return CandidateGroup([[p] for p in pairs], tasks, prior, share if known else 1.0)


def _instructed(profile: Profile, query: str, task: str | None) -> str:
    """A query as it is encoded, with its task, by name or in full, or the model's own."""
    template, resolved = task_template(profile, task or None)
    return query_text(template, query, resolved)


def _finite_scores(scores: Sequence[object]) -> Scores:
    """Scores as float32 (n,); infinite ones stand one range beyond the finite ones, so that means exist."""
    import numpy as np

    with np.errstate(over="ignore"):  # beyond float32 is infinite too
        found = np.array(scores, dtype=np.float64).astype(np.float32)
    finite = found[np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    spread = high - low or 1.0
    return np.nan_to_num(found, nan=np.nan, neginf=low - spread, posinf=high + spread)


def _stage_scores(hits: Sequence[HitLine], stage: str) -> Scores | None:
    """Scores of an earlier stage, float32 (n,); None unless all hits have one."""
    import numpy as np

    scores = [(hit.get("scores") or {}).get(stage) for hit in hits]
    if not all(isinstance(s, (int, float)) for s in scores):
        return None
    return np.array(scores, dtype=np.float32)


def _json_score(score: float) -> float | None:
    return None if score != score else round(float(score), 6)  # NaN: not scored


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def rerank_run_files(
    request: RunRequest,
    session: Callable[[], AbstractContextManager[Session]],
    progress: Progress | None = None,
) -> RerankedRun:
    """Rerank the run of a file. `session` opens the index once the files are read."""
    from qembed.evaluation import read_queries, read_run

    check_rerank_options(request.options)
    warnings: list[str] = []
    timer = StageTimer()
    with timer("read"):
        run = read_run(request.run, warn=warnings.append)
        queries = read_queries(request.queries, warn=warnings.append)
    with session() as opened:
        found = rerank_run(opened, run, queries, request.options, progress, hits=request.hits)
    seconds = {**timer, **found.seconds}
    return replace(found, warnings=(*warnings, *found.warnings), seconds=seconds)


def rerank_run(
    session: Session,
    run: Run,
    queries: Sequence[Query],
    options: RerankOptions,
    progress: Progress | None = None,
    *,
    hits: bool = False,
) -> RerankedRun:
    """A run with each document scored by its best passage; `hits`: with these passages.

    Raises InputError for ids the index lacks.
    """
    import numpy as np

    options = with_tuned_reranker(options, session.snapshot.manifest.tuned)
    check_rerank_options(options)
    loaded, catalog = session.loaded, session.snapshot.catalog
    by_id = {q.id: q for q in queries}
    positions = {name: i for i, name in enumerate(catalog.ids())}
    problems = [f"query {q!r} is in the run, not in the queries" for q in run if q not in by_id]
    wanted = {d for documents in run.values() for d in documents}
    problems += [
        f"document {d!r} is in the run, not in the index" for d in wanted - positions.keys()
    ]
    if problems:
        raise InputError("this run cannot be reranked with this index:", sorted(problems))
    model = loaded.model
    remembered = options.task or session.snapshot.manifest.settings.get("task")
    if options.spec == LEARNED:
        raise UsageError(
            "learned: it weighs the scores of both searches, which a run does not have "
            "(qembed query - --rerank learned --format trec makes a run)"
        )
    reranker = loaded.reranker(options.spec, progress)
    _check_least(options, reranker)
    render = loaded.encoder_text if options.late else loaded.reranker_text
    texts: dict[str, list[str]] = {}
    for name in wanted:
        rows = session.snapshot.rows_of(np.array([positions[name]], dtype=np.int64))
        title = catalog.take([positions[name]])[0].title
        texts[name] = [render(title, p.text, p.label) for p in session.documents.passages(rows)]
    ranked = {q: sorted(found, key=lambda d: (-found[d], d)) for q, found in run.items()}
    groups = []
    for q, names in ranked.items():
        words, task = by_id[q].text, by_id[q].task or remembered
        if options.late:
            words = _instructed(model.profile, words, task)
        groups.append(
            CandidateGroup(
                pairs=[[(words, text) for text in texts[d]] for d in names],
                tasks=[task] * len(names),
                prior=_finite_scores([run[q][d] for d in names]),
                # what a run's scores are made of is not known
                share=options.share
                or rerank_share(
                    options.spec, None, None, [text for d in names for text in texts[d]]
                ),
            )
        )
    with session.timer("rerank"):
        reordered, summary = RerankJob(groups).run(options.spec, reranker, options.budget, progress)
    final = {
        q: {names[i]: float(new.final[i]) for i in new.best(options.min_score, options.k)}
        for (q, names), new in zip(ranked.items(), reordered, strict=True)
    }
    lines: list[HitLine] = []
    if hits:
        for (q, names), new in zip(ranked.items(), reordered, strict=True):
            places = [
                (positions[names[i]], int(new.pairs[i]), i)
                for i in new.best(options.min_score, options.k)
            ]
            lines += _run_hits(session, by_id[q], places, new)
    asked = AskedTasks(options.task, [by_id[q].task for q in run])
    check_tasks(asked, model.profile, summary)
    unused = unused_task(asked, model if options.late else None, summary)
    return RerankedRun(final, summary, tuple(unused), lines, dict(session.timer))


def _run_hits(
    session: Session, query: Query, places: Sequence[tuple[int, int, int]], new: RerankedGroup
) -> list[HitLine]:
    """Hits of one query as lines. `places`: (position in the catalog, passage, candidate), best first."""
    import numpy as np

    found = []
    for position, seq, i in places:
        rows = session.snapshot.rows_of(np.array([position], dtype=np.int64))
        entry = session.snapshot.catalog.take([position])[0]
        scores = {"dense": None, "lexical": None, "rerank": _json_score(float(new.scores[i]))}
        passage = session.documents.passages(rows)[seq]
        line, end_line = session.documents.file_lines(entry, passage)
        found.append(
            Hit(
                document=entry.id,
                path=session.documents.path_of(entry.source, entry.file),
                title=entry.title,
                passage=passage,
                score=float(new.final[i]),
                scores=scores,
                meta=entry.meta,
                line=line,
                end_line=end_line,
            )
        )
    results = Results(query, None, found)
    return [hit_json(results, rank, hit) for rank, hit in enumerate(found, 1)]
