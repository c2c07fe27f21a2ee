"""Tasks and instructions that were asked for, or asked to be left out, and change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from qembed.models import Model, takes_task, task_template
from qembed.pipeline.retrieval.options import QueryOptions
from qembed.types import Query


def unused_task(model: Model, options: QueryOptions, queries: Sequence[Query]) -> dict[str, None]:
    """Warnings, as keys, on a task that the model does not take, and on no instruction where it has none.

    A task that the index remembers is not named, and a reranker may read one all the same.
    """
    named = dict.fromkeys(t for q in queries if (t := q.task or options.task))
    if not options.instruction and _has_none(model, options, named):
        both = "--task and " if named and options.rerank in (None, "late") else ""
        nothing = "change nothing" if both else "changes nothing"
        return {f"{both}--no-instruction {nothing}: {model.name} has none": None}
    if not named or options.rerank not in (None, "late"):
        return {}
    if not options.instruction:
        return {"--task changes nothing: --no-instruction leaves it out": None}
    if all(takes_task(model.profile, task, options.template) for task in named):
        return {}
    return {f"--task changes nothing: {model.name} takes no task": None}


def _has_none(model: Model, options: QueryOptions, named: Iterable[str]) -> bool:
    """True if nothing stands beside a query, under the tasks that were named and without one."""
    templates = (task_template(model.profile, t, options.template)[0] for t in (None, *named))
    return all(template == "{query}" for template in templates)
