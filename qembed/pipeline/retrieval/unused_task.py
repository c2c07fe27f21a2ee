"""Tasks and instructions that were asked for, or asked to be left out, and change nothing, or name no task.

The one place that decides it: an encoder may take a task, a reranker may read one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from qembed.models import resolve_task, takes_task, task_template

if TYPE_CHECKING:
    from qembed.models import Model, Profile
    from qembed.pipeline.retrieval.answer import RerankSummary
    from qembed.pipeline.retrieval.options import QueryOptions
    from qembed.types import Query


class AskedTasks(NamedTuple):
    """Tasks that were asked for. `option`: of queries without one of their own; `own`: of each query.

    `instruction`: False to leave instructions out. `template`: instead of the model's own.
    """

    option: str | None
    own: Sequence[str | None]
    instruction: bool = True
    template: str | None = None

    @property
    def named(self) -> list[str]:
        """Tasks of the queries, each once; a task that an index remembers is not named."""
        return list(dict.fromkeys(task for own in self.own if (task := own or self.option)))

    @property
    def spelled(self) -> str:
        """Name of what asks: the option, or the field of a query."""
        return "--task" if self.option else '"task"'


def unused_in_query(
    options: QueryOptions,
    queries: Sequence[Query],
    reranked: RerankSummary | None,
    encodes: bool,
    model: Callable[[], Model],
) -> list[str]:
    """Warnings as of `unused_task` on a search. `encodes`: queries became vectors; `model`: opens theirs.

    A search by words alone says nothing: a pool or an ablation adds it to others. Raises UsageError as
    `check_tasks` does.
    """
    is_known = not options.rerank or reranked is not None  # without candidates none was opened
    own = [q.task for q in queries] if is_known else []
    asked = AskedTasks(options.task, own, options.instruction, options.template)
    if asked.option is not None or asked.named:
        check_tasks(asked, model().profile, reranked)
    if encodes or options.rerank == "late":
        return unused_task(asked, model(), reranked)
    if reranked is None:
        return []
    return unused_task(asked, None, reranked, "--mode lexical encodes nothing")


def check_tasks(asked: AskedTasks, profile: Profile, reranked: RerankSummary | None) -> None:
    """Raise UsageError for an empty task, and for a name that is none, whether anything takes it or not.

    `profile`: of the model whose prompts are names, too. A reranker that reads tasks knows its own names.
    """
    if asked.option is not None and not asked.option.strip():
        resolve_task(asked.option, profile)
    if reranked is None or not reranked.instructed:
        for task in asked.named:
            task_template(profile, task, asked.template)


def unused_task(
    asked: AskedTasks, model: Model | None, reranked: RerankSummary | None, unencoded: str = ""
) -> list[str]:
    """Warnings on a task that nobody takes, and on no instruction where there is none.

    `model`: what encodes the queries, of the search or of `late`; None if nothing does, for the reason
    `unencoded`. `reranked`: the reranker that was used.
    """
    named = [] if reranked is not None and reranked.instructed else asked.named
    if model is not None and not asked.instruction and _has_none(model, asked, named):
        both = f"{asked.spelled} and " if named else ""
        nothing = "change nothing" if both else "changes nothing"
        return [f"{both}--no-instruction {nothing}: {model.name} has none"]
    if not named:
        return []
    why = [unencoded] if unencoded else []
    if model is not None:
        if not asked.instruction:
            why = ["--no-instruction leaves it out"]
        elif all(takes_task(model.profile, task, asked.template) for task in named):
            return []
        else:
            why = [f"{model.name} takes no task"]
    if reranked is not None and reranked.spec != "late":
        why.append(f"{reranked.spec} takes {'none' if why else 'no task'}")
    return [f"{asked.spelled} changes nothing: {', and '.join(why)}"]


def _has_none(model: Model, asked: AskedTasks, named: Iterable[str]) -> bool:
    """True if nothing stands beside a query, under the tasks that were named and without one."""
    templates = (task_template(model.profile, t, asked.template)[0] for t in (None, *named))
    return all(template == "{query}" for template in templates)
