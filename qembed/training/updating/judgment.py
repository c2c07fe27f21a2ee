"""Judgment on a trained model: made queries of new and of old documents, and judged queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.pipeline.retrieval.session import Session
from qembed.training.adapting.judged import JudgedQueries, hide_queries
from qembed.training.adapting.made_queries import MadeQuery
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.verdict import Judge
from qembed.training.judging import compare_sides, make_pool
from qembed.training.updating.job import Judged, UpdateJob
from qembed.training.updating.material import Material
from qembed.types import Qrels, Query


def judge_update(
    job: UpdateJob, spec: str, material: Material, golden: Judged | None, progress: Progress
) -> dict[str, Any]:
    """Differences of the new model and the present one by name: "new", "old", "golden" where there is any."""
    new, old = _queries(material.new), _queries(material.old)
    qrels: Qrels = {q.id: {q.document: 1} for q in (*material.new, *material.old)}
    made = JudgedQueries([*new, *old], [], [], qrels, True)
    opened = open_model(spec)
    with Session(job.root) as session:
        wanted = [d for judged in qrels.values() for d in judged]
        if golden is not None:
            wanted += [d for q in golden[0] for d in golden[1][q.id]]
        pool = make_pool(session, wanted, opened)
    before, after = load_trainable(spec)[0], load_trainable(str(job.out))[0]
    judge = Judge(hide_queries(pool, made), made.all, qrels, opened.profile, None, progress)
    was, now = judge.before(before), judge.after(after)
    found: dict[str, Any] = {
        "new": compare_sides(was.own, now.own, new),
        "old": compare_sides(was.own, now.own, old),
    }
    if golden is not None:
        judge = Judge(pool, golden[0], golden[1], opened.profile, None, progress)
        was, now = judge.before(before), judge.after(after)
        found["golden"] = compare_sides(was.own, now.own, golden[0])
    return found


def _queries(made: Sequence[MadeQuery]) -> list[Query]:
    return [Query(q.id, q.text) for q in made]
