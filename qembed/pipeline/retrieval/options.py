"""Options of a query and their validation.

Imports no other room before an option needs it: a client of the server builds its request with this module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from qembed.errors import InputError, UsageError

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.fusion import FusionParameters
    from qembed.search.dense.planner import Search
    from qembed.types import Query

By = Literal["passage", "document"]
Fusion = Literal["sum", "rrf"]
MODES = ("auto", "dense", "lexical", "hybrid")
_DOCUMENT_SCORE = re.compile(r"mean:([1-9]\d{0,3})|decay:(1(?:\.0*)?|0?\.\d+)")
_BUDGET = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|m|)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "": 1.0}


@dataclass(frozen=True, slots=True)
class QueryOptions:
    """Options of a query.

    `task`, `template` None: the index's or the model's own. `ef` None: the breadth that was measured for the
    graph. `rerank_budget`: seconds of scoring, None without a limit. `rerank_share`: weight of the
    reranker beside the order before, None for its default. `snippets`: find the best sentence of
    each hit; "words": by the query's words, which encodes nothing. `seen`: keys of hits that earlier pages of
    the answer had (`answer.hit_key`), which are left out; k counts them.
    `fusion_parameters`: constants of the modes auto and hybrid, None for the index's.
    `document_score`: the score of a document from its passages, see `parse_document_score`. `memory`: votes
    on the same query put documents first, or leave them out. `given`: names of the fields that were asked
    for, the others take what `tune` chose for the index; None: take none of it.
    `sequence`: the queries are sequences, as the index's documents are. `kind`: of the hits, None for both.
    `image`: the query is this picture, PNG as base64, and its text the picture's name.
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
    snippets: bool | Literal["words"] = False
    fusion_parameters: FusionParameters | None = None
    document_score: str = "best"
    memory: bool = False
    seen: tuple[str, ...] = ()
    given: tuple[str, ...] | None = None
    sequence: bool = False
    kind: Literal["text", "image"] | None = None
    image: str | None = None


LEARNED = "learned"
"""Reranker that `feedback learn` stored in the index."""
UNCALIBRATED = ("late", LEARNED)
"""Rerankers whose scores order one query's candidates and mean nothing beyond."""
TUNED_TOGETHER = (
    ("instruction", "task", "template"),
    ("mode", "fusion", "fusion_parameters"),
)
"""Fields of which one that was asked for puts aside what `tune` chose for all."""
TUNED = frozenset(
    ("rerank", "rerank_share", "candidates", "diversity", "document_score", "ef")
).union(*TUNED_TOGETHER)
"""Fields that `tune` chooses."""


def with_tuned(
    options: QueryOptions, tuned: Mapping[str, Any] | None
) -> tuple[QueryOptions, dict[str, Any]]:
    """(the options completed by what `tune` chose for the index, the part of it that holds).

    `tuned`: the manifest's setting, None without one. A choice that does not go with what was asked for is
    left out: `late` and `learned` with a least score.
    """
    if options.given is None:
        return options, {}
    plain = replace(options, given=None)
    chosen = {} if tuned is None else dict(tuned["options"])
    given = set(options.given)
    for together in TUNED_TOGETHER:
        if given & set(together):
            given |= set(together)
    unthresholded = chosen.get("rerank") in UNCALIBRATED and options.min_score is not None
    if "rerank" in given or unthresholded:
        given |= {"rerank", "rerank_share", "candidates"}
    applied = {n: v for n, v in chosen.items() if n in TUNED - given}
    changes = dict(applied)
    if changes.get("fusion_parameters") is not None:
        from qembed.pipeline.retrieval.fusion import FusionParameters

        stored = changes["fusion_parameters"]
        # an index may have been tuned by another version
        changes["fusion_parameters"] = FusionParameters(
            **{n: v for n, v in stored.items() if n in FusionParameters._fields}
        )
    return replace(plain, **changes), applied


def check_queries(queries: Sequence[Query]) -> None:
    """Raise InputError for queries without words."""
    empty = [f"query {q.id}: no words in it" for q in queries if not q.text.strip()]
    if empty:
        raise InputError("an empty query finds nothing:", empty)


def check_options(options: QueryOptions) -> None:
    """Raise UsageError for options that no index can answer."""
    for name, number in (("-k", options.k), ("--candidates", options.candidates)):
        if number < 1:
            raise UsageError(f"{name} {number}: at least 1")
    if not 0 <= options.diversity < 1:
        raise UsageError("--diversity: at least 0 and below 1")
    if options.fusion_parameters is not None:
        from qembed.pipeline.retrieval.fusion import check_parameters

        check_parameters(options.fusion_parameters)
    parse_document_score(options.document_score)
    if options.context < 0:
        raise UsageError("--context: at least 0")
    if options.min_score is not None and math.isnan(options.min_score):
        raise UsageError("--min-score: a number is wanted")
    if options.template is not None:
        from qembed.models import check_template

        check_template(options.template)
    if options.min_score is not None and options.rerank in UNCALIBRATED:
        raise UsageError(
            f"--min-score with --rerank {options.rerank}: its scores order one query's candidates and mean "
            "nothing beyond (take a cross-encoder, whose scores are probabilities, or leave --rerank out)"
        )
    if options.min_score is not None and not options.rerank and options.mode != "lexical":
        # sums of both searches read as cosines
        check_threshold(options.min_score, -1.0, "a cosine")
    # with `given`, a reranker may come from what `tune` chose
    if options.rerank_budget is not None and not options.rerank and options.given is None:
        raise UsageError("--rerank-budget wants --rerank")
    if options.rerank_share is not None and not options.rerank and options.given is None:
        raise UsageError("--rerank-share wants --rerank")
    check_share(options.rerank_share)


def check_threshold(min_score: float, low: float, what: str) -> None:
    """Raise UsageError for a least score outside [`low`, 1]. `what`: the scores it is compared with."""
    if not low <= min_score <= 1:
        raise UsageError(f"--min-score {min_score:g}: {what}, from {low:g} to 1, is wanted")


def parse_document_score(text: str) -> tuple[str, float]:
    """Parse `best`, `mean:K` with K from 1 to 9999, or `decay:D` with D above 0 and at most 1.

    Returns the kind and its number, 1 for best. Raises UsageError.
    """
    if text == "best":
        return "best", 1.0
    found = _DOCUMENT_SCORE.fullmatch(text)
    value = float(found[1] or found[2]) if found else 0.0
    if found is None or value <= 0:
        raise UsageError(
            f"--document-score {text}: best, mean:3 (of its 3 best passages) or decay:.5 (the sum with "
            "weights 1, .5, .25, …) is wanted"
        )
    return "mean" if found[1] else "decay", value


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
