"""Tasks that were named and change nothing."""

from __future__ import annotations

from collections.abc import Sequence

from qembed.models import Model, takes_task
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.types import Query


def unused_task(model: Model, options: QueryOptions, queries: Sequence[Query]) -> dict[str, None]:
    """Warning, as a key, if a task was named and the model takes none.

    A task that the index remembers is not named, and a reranker may read one all the same.
    """
    named = dict.fromkeys(t for q in queries if (t := q.task or options.task))
    if not named or options.rerank not in (None, "late"):
        return {}
    if not options.instruction:
        return {"--task changes nothing: --no-instruction leaves it out": None}
    if all(takes_task(model.profile, task, options.template) for task in named):
        return {}
    return {f"--task changes nothing: {model.name} takes no task": None}
