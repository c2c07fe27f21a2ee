"""Options of a query and their validation.

Imports no other room before an option needs it: a client of the server builds its request with this module.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from qembed.errors import InputError, UsageError

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.fusion import FusionParameters
    from qembed.search.dense.planner import Search
    from qembed.types import Query

By = Literal["passage", "document"]
Fusion = Literal["sum", "rrf"]
MODES = ("auto", "dense", "lexical", "hybrid")
_BUDGET = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Options of a query.

    `task`, `template` None: the index's or the model's own. `ef` None: the breadth that was measured for the
    graph. `rerank_budget`: seconds of scoring, None without a limit. `rerank_share`: weight of the
    reranker beside the order before, None for its default. `snippets`: find the best sentence of
    each hit. `fusion_parameters`: constants of the modes auto and hybrid, None for the index's.
    """

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
    rerank_share: float | None = None
    by: By = "passage"
    where: tuple[str, ...] = ()
    fusion: Fusion = "sum"
    diversity: float = 0.0
    context: int = 0
    snippets: bool = False
    fusion_parameters: FusionParameters | None = None


def check_queries(queries: Sequence[Query]) -> None:
    """Raise InputError for queries without words."""
    empty = [f"query {q.id}: no words in it" for q in queries if not q.text.strip()]
    if empty:
        raise InputError("an empty query finds nothing:", empty)


def check_options(options: QueryOptions) -> None:
    """Raise UsageError for options that no index can answer."""
    if options.k < 1 or options.candidates < 1:
        raise UsageError("-k and --candidates: at least 1")
    if not 0 <= options.diversity < 1:
        raise UsageError("--diversity: at least 0 and below 1")
    if options.fusion_parameters is not None:
        from qembed.pipeline.retrieval.fusion import check_parameters

        check_parameters(options.fusion_parameters)
    if options.context < 0:
        raise UsageError("--context: at least 0")
    if options.template is not None:
        from qembed.models import check_template

        check_template(options.template)
    if options.min_score is not None and options.rerank == "late":
        raise UsageError(
            "--min-score with --rerank late: its scores order one query's candidates and mean nothing "
            "beyond (take a cross-encoder, whose scores are probabilities, or leave --rerank out)"
        )
    if options.rerank_budget is not None and not options.rerank:
        raise UsageError("--rerank-budget wants --rerank")
    if options.rerank_share is not None and not options.rerank:
        raise UsageError("--rerank-share wants --rerank")
    check_share(options.rerank_share)


def check_share(share: float | None) -> None:
    """Raise UsageError for a reranker's weight that is none."""
    if share is not None and not 0 < share <= 1:
        raise UsageError(
            "--rerank-share: above 0 and at most 1, which is the reranker's order alone"
        )


def parse_budget(text: str | None) -> float | None:
    """Seconds of `2s`, `500ms`, `1m` or `2`; None for None. Raises UsageError."""
    if text is None:
        return None
    found = _BUDGET.fullmatch(text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not seconds > 0:
        raise UsageError(f"--rerank-budget {text}: a time such as 2s or 500ms is wanted")
    return seconds
