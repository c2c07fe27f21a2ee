"""Judgment of a learned order by files of queries and judgments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import InputError
from qembed.evaluation import evaluate, parse_measures, read_qrels, read_queries
from qembed.evaluation.tuning.verdict import Gain, judge
from qembed.pipeline.feedback.learning.fit import query_components
from qembed.pipeline.feedback.learning.held_out import positions
from qembed.pipeline.feedback.learning.pairs import QueryFeatures
from qembed.pipeline.retrieval.learned.features import FEATURES
from qembed.types import Qrels, Query

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

MEASURE = "nDCG@10"


@dataclass(frozen=True, slots=True)
class Judged:
    """Queries with judgments, of an index's documents."""

    queries: Sequence[Query]
    qrels: Qrels

    @classmethod
    def read(cls, queries: Path, qrels: Path, warn: Any) -> Judged:
        """Read files. Raises InputError, also where no query is judged."""
        judged = read_qrels(qrels, warn=warn)
        found = [q for q in read_queries(queries, warn=warn) if judged.get(q.id)]
        if not found:
            raise InputError(f"{qrels} judges none of the queries of {queries}")
        return cls(found, judged)

    def relevant(self) -> dict[str, list[str]]:
        """Relevant documents by query id."""
        return {
            q.id: [d for d, grade in self.qrels[q.id].items() if grade > 0] for q in self.queries
        }


@dataclass(frozen=True, slots=True)
class JudgedGain:
    """nDCG@10 before and after, and the gain. `left_out`: groups of the log that share words or documents."""

    before: float
    after: float
    gain: Gain
    left_out: int

    def to_json(self) -> dict[str, Any]:
        """JSON object."""
        return {
            "measure": MEASURE,
            "before": round(self.before, 4),
            "after": round(self.after, 4),
            "left_out": self.left_out,
            **{n: round(v, 5) for n, v in self.gain.to_json().items()},
        }


def related_groups(
    judged: Judged, texts: Mapping[str, str], documents: Mapping[str, Sequence[str]]
) -> tuple[set[str], list[list[str]]]:
    """(groups of the log in one component with a judged query, components of the judged queries, by id)."""
    relevant = judged.relevant()
    all_texts = {**{("log", g): t for g, t in texts.items()}}
    all_documents = {("log", g): list(d) for g, d in documents.items()}
    for q in judged.queries:
        all_texts["judged", q.id] = q.text
        all_documents["judged", q.id] = relevant[q.id]
    names = list(all_texts)
    joined = query_components(
        {str(i): all_texts[n] for i, n in enumerate(names)},
        {str(i): all_documents.get(n, []) for i, n in enumerate(names)},
    )
    related: set[str] = set()
    components: list[list[str]] = []
    for members in joined:
        kinds = [names[int(i)] for i in members]
        ids = [name for kind, name in kinds if kind == "judged"]
        if ids:
            components.append(ids)
            related.update(name for kind, name in kinds if kind == "log")
    return related, components


def judge_by(
    judged: Judged,
    known: Mapping[str, QueryFeatures],
    weights: Values,
    components: Sequence[Sequence[str]],
    left_out: int,
) -> JudgedGain:
    """Gain of an order on judged queries. `known`: features of their candidates, by query id."""
    import numpy as np

    order = np.zeros(len(FEATURES))
    order[FEATURES.index("rank")] = 1.0
    measures = parse_measures(MEASURE)
    values = []
    for by in (order, weights):
        run = {
            name: dict(zip(of.documents, (-place(of.features @ by)).tolist(), strict=True))
            for name, of in known.items()
        }
        qrels = {q.id: judged.qrels[q.id] for q in judged.queries}
        found = evaluate(measures, qrels, run).per_query
        values.append(np.array([found[q.id][MEASURE] for q in judged.queries]))
    before, after = values
    gain = judge(MEASURE, after - before, positions(components, [q.id for q in judged.queries]))
    assert gain is not None
    return JudgedGain(float(before.mean()), float(after.mean()), gain, left_out)


def place(scores: Values) -> Values:
    """Place of each candidate by falling scores, from 0; ties keep the order before."""
    import numpy as np

    found = np.empty(len(scores))
    found[np.argsort(-np.round(scores, 9), kind="stable")] = np.arange(len(scores))
    return found
