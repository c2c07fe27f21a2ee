"""Last step of an update: the index made anew beside the present one, compared with it, and the switch."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qembed.errors import IndexLocked
from qembed.evaluation import evaluate, parse_measures
from qembed.evaluation.formats.source_file import counted
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.progress import Progress
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.pipeline.retrieval.ties.order import order_by_id
from qembed.store import Snapshot
from qembed.store.manifest import read as read_manifest
from qembed.training.judging import DEPTH, MEASURE, compare_sides
from qembed.training.updating.gates import Gate, switch_refusal
from qembed.training.updating.job import Judged, UpdateJob, Warn
from qembed.types import Run, Unreadable

BATCH = 64


@dataclass(slots=True)
class _Values:
    """Results of one index: MEASURE by query id."""

    values: dict[str, float]


def rebuild_command(job: UpdateJob) -> str:
    """Command that makes the index anew with the new model."""
    words = ["qembed", "index", "--index", str(job.root), "--rebuild", "--model", str(job.out)]
    return shlex.join(words)


def switch(job: UpdateJob, golden: Judged | None, progress: Progress, warn: Warn) -> list[Gate]:
    """Gates of the rebuild and of the switch. The present index answers until the latter has passed.

    Raises what `build` raises.
    """
    comparison = _Comparison(job, golden, progress)
    before = read_manifest(job.root).uid
    options = IndexOptions(
        recipe=RecipeOptions(model=str(job.out)),
        rebuild=True,
        wait=job.wait,
        refuse=comparison.refuse,
    )
    try:
        summary = build(job.root, options, progress)
    except IndexLocked as e:
        raise IndexLocked(f"{e}; the model is trained: the same command goes on from there") from e
    for failed in summary.failed[:5]:
        warn(str(failed))
    if summary.interrupted:
        if read_manifest(job.root).uid == before:
            warn("the present index still answers; the same command goes on with the rebuild")
        else:
            warn("the index has its new model; qembed index completes the files that make it fast")
        raise KeyboardInterrupt
    made = Gate(
        "rebuild", True, f"{counted(comparison.passages, 'passage')}, beside the present index"
    )
    if summary.refused is not None:
        return [made, Gate("switch", False, summary.refused)]
    said = f"generation {summary.generation}"
    return [made, Gate("switch", True, "; ".join([*comparison.told, said]))]


@dataclass(slots=True)
class _Comparison:
    """Comparison of the new index with the present one, on judged queries over all documents."""

    job: UpdateJob
    golden: Judged | None
    progress: Progress
    passages: int = 0
    told: tuple[str, ...] = ()

    def refuse(self, made: Snapshot, failed: Sequence[Unreadable]) -> str | None:
        """Reason against the switch, None if it may be made."""
        self.passages = made.passages_total
        with Session(self.job.root) as present:
            kept = set(made.catalog.ids())
            lost = [d for d in present.snapshot.catalog.ids() if d not in kept]
            if self.golden is None:
                return switch_refusal(lost, failed, None)
            self.progress.phase("judge both indexes", "queries", 2 * len(self.golden[0]))
            was = self._measure(present)
        now = self._measure(Session(self.job.root, snapshot=made))
        found = compare_sides(was, now, self.golden[0])
        assert found is not None
        self.told = (f"golden: {MEASURE} {found['before']:.3f} to {found['after']:.3f}",)
        return switch_refusal(lost, failed, found)

    def _measure(self, session: Session) -> _Values:
        assert self.golden is not None
        queries, qrels = self.golden
        options = QueryOptions(mode="dense", k=DEPTH, by="document", memory=False)
        # equal documents may lie in another order in another index
        ordered = session.with_parts(ties=order_by_id(session.snapshot))
        retriever = Retriever(ordered, options)
        run: Run = {}
        for at in range(0, len(queries), BATCH):
            if self.progress.stop():
                raise KeyboardInterrupt
            asked = queries[at : at + BATCH]
            for query, ranked in zip(asked, retriever.retrieve(asked).queries, strict=True):
                names = [e.id for e in session.snapshot.entries_of(ranked.rows[:DEPTH])]
                run[query.id] = {d: -float(i) for i, d in enumerate(names)}
            self.progress.advance(len(asked))
        judged = {q.id: qrels[q.id] for q in queries}
        report: Any = evaluate(parse_measures(MEASURE), judged, run)
        return _Values({q: v[MEASURE] for q, v in report.per_query.items()})
