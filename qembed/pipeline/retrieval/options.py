"""How `qembed query` was asked to answer, and what no index could answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qembed.errors import InputError, UsageError
from qembed.models import check_template
from qembed.pipeline.retrieval.candidates import Fusion
from qembed.search.dense.planner import Search
from qembed.types import Query

By = Literal["passage", "document"]


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """How to answer. `task` and `template` None: the index's or the model's own."""

    k: int = 10
    task: str | None = None
    instruction: bool = True
    template: str | None = None
    mode: str = "auto"
    search: Search = "auto"
    ef: int | None = None
    rerank: str | None = None
    candidates: int = 100
    min_score: float | None = None
    rerank_budget: float | None = None
    by: By = "passage"
    where: tuple[str, ...] = ()
    fusion: Fusion = "sum"
    diversity: float = 0.0
    context: int = 0


def check_queries(queries: Sequence[Query]) -> None:
    """Raises InputError for queries without words."""
    empty = [f"query {q.id}: no words in it" for q in queries if not q.text.strip()]
    if empty:
        raise InputError("an empty query finds nothing:", empty)


def check_options(asked: QueryOptions) -> None:
    """Raises UsageError for what no index could answer."""
    if asked.k < 1 or asked.candidates < 1:
        raise UsageError("-k and --candidates: at least 1")
    if not 0 <= asked.diversity < 1:
        raise UsageError("--diversity: at least 0 and below 1")
    if asked.context < 0:
        raise UsageError("--context: at least 0")
    if asked.template is not None:
        check_template(asked.template)
    if asked.min_score is not None and asked.rerank == "late":
        raise UsageError(
            "--min-score with --rerank late: its scores order one query's candidates and mean nothing "
            "beyond (take a cross-encoder, whose scores are probabilities, or leave --rerank out)"
        )
    if asked.rerank_budget is not None and not asked.rerank:
        raise UsageError("--rerank-budget wants --rerank")
