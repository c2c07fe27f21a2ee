"""Logged queries asked again by another setting, and what its order would have got: see `counterfactual`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qembed.errors import InputError, UsageError
from qembed.feedback.counterfactual import ReorderedAnswer, estimate_order
from qembed.feedback.interactions import Interaction
from qembed.feedback.preferences import PreferenceOptions, normalise_query
from qembed.feedback.preferences.extraction import is_click
from qembed.feedback.propensity.click_log import make_click_log
from qembed.feedback.propensity.estimate import estimate_propensities, resampled_propensities
from qembed.feedback.text_hash import is_hashed
from qembed.feedback.times import parse_time
from qembed.pipeline.feedback.evidence.log_experiments import limited_interactions
from qembed.pipeline.feedback.whole_log import WholeLog
from qembed.pipeline.retrieval.interleaving.setting import Setting
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.search.topk import distinct
from qembed.types import Query

RESAMPLED = 50
"""Logs that are drawn to see how well propensities are known."""
Asked = tuple[str, int, str, tuple[str, ...], str | None]
"""What an answer was made for: text, number of hits, by passage or document, filters, task."""


def parse_since(text: str | None) -> float | None:
    """Seconds since 1970 of `--since`. Raises UsageError."""
    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as e:
        raise UsageError(f"--since: {e}") from None


def estimate_setting(
    root: Path,
    log: WholeLog,
    setting: Setting,
    options: PreferenceOptions,
    since: float | None = None,
) -> dict[str, Any]:
    """JSON of what a setting's order would have got of persons' clicks, by the answers from `since` on.

    How ranks are looked at is estimated from the answers before `since`, else from all. Answers whose text is
    hashed are left out, and documents that have left the index. Raises InputError where no answer is left,
    and what queries do.
    """
    persons = [i for i in limited_interactions(log, options) if i.kind == "person" and not i.source]
    judged = [i for i in persons if since is None or i.query.time >= since]
    earlier = [i for i in persons if since is not None and i.query.time < since] or persons
    clicks = make_click_log(earlier, normalise_query, is_click)
    propensities = estimate_propensities(clicks)
    told = [i for i in judged if i.query.shown and not is_hashed(i.query.text)]
    if not told:
        raise InputError(
            "--against: no answer to a person that can be asked again"
            + ("" if len(judged) == len(told) else " (the log has only hashes of the texts)")
            + ("" if since is None else ", from --since on")
        )
    with Session(root) as session:
        answers, gone = _reordered(session, told, setting)
    found = estimate_order(answers, propensities, resampled_propensities(clicks, RESAMPLED))
    return {
        "setting": setting.name,
        "since": since,
        "left_out": {"hashed": len(judged) - len(told), "left_corpus": gone},
        "estimate": None if found is None else found.to_json(),
        "propensities": propensities.to_json(),
    }


def _reordered(
    session: Session, interactions: Sequence[Interaction], setting: Setting
) -> tuple[list[ReorderedAnswer], int]:
    """Answers with the setting's order, and the number of hits whose document has left the index."""
    here = set(session.snapshot.catalog.ids())
    by_asked: dict[Asked, list[Interaction]] = defaultdict(list)
    for interaction in interactions:
        by_asked[_asked(interaction)].append(interaction)
    others = _orders(session, list(by_asked), setting)
    found, gone = [], 0
    for asked, same in by_asked.items():
        for interaction in same:
            shown = interaction.ranks()
            kept = {d: rank for d, rank in shown.items() if d in here}
            gone += len(shown) - len(kept)
            acted = {e.object_id for e in interaction.events if is_click(e)}
            found.append(
                ReorderedAnswer(
                    interaction.query.query_id,
                    normalise_query(interaction.query.text),
                    kept,
                    others[asked],
                    frozenset(acted & kept.keys()),
                )
            )
    return found, gone


def _asked(interaction: Interaction) -> Asked:
    query = interaction.query
    settings = query.settings
    where = settings.get("where", ())
    task = settings.get("task")
    return (
        query.text,
        max(hit.rank for hit in query.shown),
        "document" if settings.get("by") == "document" else "passage",
        tuple(w for w in where if isinstance(w, str)) if isinstance(where, list | tuple) else (),
        task if isinstance(task, str) else None,
    )


def _orders(
    session: Session, wanted: Sequence[Asked], setting: Setting
) -> dict[Asked, dict[str, int]]:
    """Rank by document, from 1, of each query under the setting."""
    found: dict[Asked, dict[str, int]] = {}
    calls: dict[tuple[int, str, tuple[str, ...]], list[Asked]] = defaultdict(list)
    for asked in wanted:
        calls[asked[1:4]].append(asked)
    for (k, by, where), together in calls.items():
        options = QueryOptions(
            k=k, by="document" if by == "document" else "passage", where=where, given=()
        )
        retriever = Retriever(session, setting.applied(options))
        queries = [Query(str(n), asked[0], asked[4]) for n, asked in enumerate(together)]
        ranking = retriever.rank(queries)
        rows = distinct([r.rows for r in ranking.queries])
        names = [entry.id for entry in session.documents.entries(rows)]
        document = dict(zip(rows.tolist(), names, strict=True))
        for asked, r in zip(together, ranking.queries, strict=True):
            ranks: dict[str, int] = {}
            for rank, row in enumerate(r.rows.tolist(), 1):
                ranks.setdefault(document[row], rank)
            found[asked] = ranks
    return found
