"""Search among settings, stage by stage, on a part of the judged queries. Deterministic.

    instruction      every one, with the default fusion
    mode, fusion     every mode and constant with the best instruction, then finer steps of the best weight
    document         the document's score, diversity
    rerank           the rerankers, then share and candidates of the best
    pair             the best three instructions with the best fusion once more, and its weight beside them

In each stage the simplest setting goes on that is within one standard error of the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from qembed.evaluation.tuning import simplest_of_the_best
from qembed.pipeline.experiments.tuning import arms
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.pipeline.retrieval.tuned_setting import changed_options

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Positions = npt.NDArray[np.int64]

PAIRED = 3
"""Instructions that are tried with the best fusion once more."""


@dataclass(frozen=True, slots=True)
class Space:
    """Settings to search. `instructions`: arms by name. `constants`: those of mode auto, beside its weight,
    that these queries can tell apart.
    """

    base: QueryOptions
    axes: Sequence[str] = arms.AXES
    instructions: dict[str, QueryOptions] = field(default_factory=dict)
    rerankers: Sequence[str] = ()
    has_words: bool = True
    one_passage_each: bool = False
    constants: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Stage of a search: the number of settings tried, the one that went on, its mean on these queries."""

    stage: str
    tried: int
    options: QueryOptions
    mean: float

    def to_json(self) -> dict[str, Any]:
        """JSON object of the fields."""
        settings = changed_options(self.options)
        return {"stage": self.stage, "tried": self.tried, "settings": settings, "mean": self.mean}


def search(
    space: Space, scores: Callable[[QueryOptions], Values], positions: Positions
) -> list[Step]:
    """Search on the queries at the given positions; the last step has the choice.

    `scores`: values of all queries under some options, float64 (n,).
    """
    best = space.base
    steps = [Step("start", 1, best, float(scores(best)[positions].mean()))]

    def stage(name: str, tried: Sequence[QueryOptions]) -> None:
        nonlocal best
        options = list(dict.fromkeys([best, *tried]))
        if len(options) == 1:
            return
        values = [scores(o)[positions] for o in options]
        chosen = simplest_of_the_best(values, [arms.complexity(o) for o in options])
        best = options[chosen]
        steps.append(Step(name, len(options), best, float(values[chosen].mean())))

    def fusions(options: QueryOptions) -> list[QueryOptions]:
        found: list[QueryOptions] = []
        if space.has_words and "mode" in space.axes:
            found += arms.mode_arms(options)
        if space.has_words and "fusion" in space.axes:
            found += arms.fusion_arms(options, space.constants)
        return found

    instructions = list(space.instructions.values()) if "instruction" in space.axes else []
    stage("instruction", instructions)
    stage("fusion", fusions(best))
    if space.has_words and "fusion" in space.axes:
        stage("fusion, finer", [*arms.finer_arms(best), *arms.shape_arms(best, space.constants)])
    if "document" in space.axes:
        stage("document", arms.document_arms(best, one_passage_each=space.one_passage_each))
    if "rerank" in space.axes and space.rerankers:
        stage("rerank", arms.rerank_arms(best, space.rerankers))
        stage("rerank, share", arms.share_arms(best))
    if instructions and len(steps) > 2:
        stage("pair", _pairs(space, scores, positions, best))
    return steps


def _pairs(
    space: Space,
    scores: Callable[[QueryOptions], Values],
    positions: Positions,
    best: QueryOptions,
) -> list[QueryOptions]:
    """The best instructions with the settings found, and the weight of words a step up and down."""
    every = [space.base, *space.instructions.values()]
    ranked = sorted(every, key=lambda o: -float(scores(o)[positions].mean()))
    found = []
    for o in ranked[:PAIRED]:
        here = replace(best, instruction=o.instruction, task=o.task, template=o.template)
        found.append(here)
        if "fusion" in space.axes and space.has_words and not best.rerank:
            found += arms.finer_arms(here)
    return found
