"""Two settings in one answer, by team draft: an experiment, and the answers that take part in it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.feedback.interleaving import team_draft
from qembed.pipeline.retrieval.answer import Answer
from qembed.pipeline.retrieval.hits import make_hits
from qembed.pipeline.retrieval.interleaving.setting import Setting, parse_setting
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.ranking import RankedQuery
from qembed.pipeline.retrieval.request import QueryRequest
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.types import Results

if TYPE_CHECKING:
    from qembed.protocols import Scorer
    from qembed.types import Scores, Vectors

_EXPERIMENT = re.compile(r"\s*A=(?P<a>.*?)\s*,\s*B=(?P<b>.*?)\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Experiment:
    """Two settings that are compared."""

    a: Setting
    b: Setting

    @property
    def names(self) -> dict[str, str]:
        """Names of both, as the log has them."""
        return {"a": self.a.name, "b": self.b.name}

    def options(self, options: QueryOptions) -> tuple[QueryOptions, QueryOptions]:
        """Options of both."""
        return self.a.applied(options), self.b.applied(options)


def parse_experiment(text: str) -> Experiment:
    """Experiment of `A=SETTING,B=SETTING`. Raises UsageError."""
    found = _EXPERIMENT.fullmatch(text)
    if found is None:
        raise UsageError(
            f"--ab {text}: A=…,B=… is wanted, such as 'A=,B=rerank=late mode=hybrid' (nothing: as the index "
            "answers anyway)"
        )
    a, b = parse_setting(found["a"], "--ab A"), parse_setting(found["b"], "--ab B")
    if a.values == b.values:
        raise UsageError(f"--ab: A and B are the same setting ({a.name})")
    return Experiment(a, b)


def takes_part(request: QueryRequest, logs: bool) -> bool:
    """True if a request's answer may be interleaved. `logs`: the index's own setting says that it is logged.

    Not one that is not logged, that names a setting of its own, a model or a least score (which mean
    different things in both), that shows neighbours, which make hits disappear, or that is a further page.
    """
    options = request.options
    logged = logs if request.log is None else request.log
    own = options.given != () or request.model is not None or options.search != "auto"
    plain = options.context == 0 and not options.seen
    return logged and not own and options.min_score is None and plain


def answer_interleaved(
    session: Session,
    request: QueryRequest,
    experiment: Experiment,
    rerankers: Sequence[Scorer | None] = (None, None),
) -> Answer:
    """Answer a request by both settings, and mix the two by team draft, query by query.

    Texts are encoded once for both. A client gets the same mixture when it asks the same again.
    `rerankers`: instead of opening those that the settings name. Raises what `Retriever.answer` does, and
    EncodingError also if the model refuses some of the queries only.
    """
    import numpy as np

    encoded: dict[str, Vectors] = {}
    rankings = [
        Retriever(session, options, reranker, encoded).rank(request.queries)
        for options, reranker in zip(experiment.options(request.options), rerankers, strict=True)
    ]
    names = experiment.names
    mixed: list[RankedQuery] = []
    teams: list[dict[str, Any]] = []
    for a, b in zip(rankings[0].queries, rankings[1].queries, strict=True):
        who = request.client or os.urandom(8).hex()
        seed = "\0".join((*names.values(), who, a.query.text))
        draft = team_draft(a.rows.tolist(), b.rows.tolist(), request.options.k, seed)
        mixed.append(_mixed(a, b, np.array(draft.ids, dtype=np.int64), draft.teams))
        teams.append({**names, "teams": "".join(draft.teams)})
    hits = make_hits(session, mixed, request.options)
    manifest = session.snapshot.manifest
    return Answer(
        results=[
            Results(r.query, r.instruction, found, interleaved=team)
            for r, found, team in zip(mixed, hits, teams, strict=True)
        ],
        generation=manifest.generation,
        recipe=manifest.recipe.fingerprint,
        plan=" / ".join(dict.fromkeys(r.plan for r in rankings)),
        votes={r.query.id: r.votes for r in rankings[0].queries if r.votes},
        truncated=list(dict.fromkeys(text for r in rankings for text in r.truncated)),
        warnings=list(dict.fromkeys(w for r in rankings for w in r.warnings)),
        reranked=rankings[1].reranked or rankings[0].reranked,
        note=session.loaded.note,
        log=manifest.settings.get("log"),
        explore=bool(manifest.settings.get("explore")),
        seconds=dict(session.timer),
    )


def _mixed(a: RankedQuery, b: RankedQuery, rows: Any, teams: Sequence[str]) -> RankedQuery:
    """Rows of both in their mixed order, each with the scores of the one that picked it."""
    where = {
        "A": {row: i for i, row in enumerate(a.rows.tolist())},
        "B": {row: i for i, row in enumerate(b.rows.tolist())},
    }
    sides = {"A": a, "B": b}

    def scores(stage: str) -> Scores | None:
        return _picked(stage, rows.tolist(), teams, sides, where)

    final = scores("scores")
    assert final is not None
    return RankedQuery(
        a.query,
        a.instruction,
        rows,
        final,
        scores("dense"),
        scores("lexical"),
        scores("rerank"),
        vector=b.vector if a.vector is None else a.vector,
    )


def _picked(
    stage: str,
    rows: Sequence[int],
    teams: Sequence[str],
    sides: Mapping[str, RankedQuery],
    where: Mapping[str, Mapping[int, int]],
) -> Scores | None:
    """Scores of a stage, NaN where the ranking that picked the row has none; None where neither has any."""
    import numpy as np

    found = np.full(len(rows), np.nan, dtype=np.float32)
    values = {team: getattr(side, stage) for team, side in sides.items()}
    for i, (row, team) in enumerate(zip(rows, teams, strict=True)):
        if values[team] is not None:
            found[i] = values[team][where[team][row]]
    return None if all(v is None for v in values.values()) else found
