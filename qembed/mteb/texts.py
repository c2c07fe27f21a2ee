"""The text that a task's input becomes: the templates of the model's profile, task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from qembed.errors import UsageError
from qembed.models import (
    Profile,
    check_template,
    own_prompt_name,
    passage_text,
    query_text,
    task_template,
)
from qembed.pipeline.experiments.sts import DEFAULT_TASK

if TYPE_CHECKING:
    from mteb.abstasks.task_metadata import TaskMetadata

Kind = Literal["query", "document"] | None
"""mteb's prompt type. None: a text of a symmetric task (similarity, clustering, classification)."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """Options of the encoded text, as in `qembed query`.

    `task_prompts`: tasks in mteb's metadata go before the user's, the model's and the folder's own.
    """

    task: str | None = None
    template: str | None = None
    instruction: bool = True
    task_prompts: bool = False


def check_text_options(options: TextOptions, profile: Profile) -> None:
    """Raise UsageError for a bad template, and for prompts that have no place in the template."""
    if options.template is not None:
        check_template(options.template)
    template = options.template or profile.query
    if options.task_prompts and not (options.instruction and "{task}" in template):
        raise UsageError(
            f"mteb's prompts have no place in {profile.name}'s template {template!r}: a model without "
            "{task} in it was not trained with them (--template 'Instruct: {task}\\nQuery: {query}' puts "
            "them there)"
        )


def metadata_prompt(metadata: TaskMetadata, kind: Kind) -> str | None:
    """Prompt of a task's metadata for one kind of text, None if it has none."""
    prompt = metadata.prompt
    if isinstance(prompt, Mapping):
        prompt = prompt.get(kind) if kind else None
    return prompt or None


def symmetric_template(profile: Profile) -> str:
    """Template of texts that are neither query nor passage.

    A folder's default prompt goes before all. A template with a task is kept, and so is that of a family
    whose authors put prefixes before both sides (e5). Prompts that only a folder's own files name are
    for queries and passages alone, as in sentence-transformers.
    """
    if profile.default_prompt:
        return profile.default_prompt + "{query}"
    both = bool(profile.patterns) and profile.passage != "{text}"
    return profile.query if "{task}" in profile.query or both else "{query}"


def own_prompt(profile: Profile, metadata: TaskMetadata, kind: Kind) -> str | None:
    """Prompt that a folder's own files name for the task or its type, in mteb's order, None without one.

    Case does not matter ("clustering" for Clustering), the exact name goes first.
    """
    named = dict(profile.prompts)
    folded = {name.casefold(): text for name, text in profile.prompts}
    for name in (metadata.name, metadata.type):
        for key in (*([f"{name}-{kind}"] if kind else []), name):
            if key in named or key.casefold() in folded:
                return named.get(key, folded[key.casefold()])
    return None


def template_for(
    profile: Profile, options: TextOptions, metadata: TaskMetadata, kind: Kind
) -> tuple[str, str | None]:
    """(template, full text of its task) for the texts of one kind in a task.

    For documents a template over `{title}` and `{text}`, else one over `{task}` and `{query}`.
    """
    if kind == "document":
        # a family's own template knows the title's place, a prompt by name does not
        own = None if profile.patterns else own_prompt(profile, metadata, kind)
        return (profile.passage if own is None else own + "{text}"), None
    if not options.instruction:
        return "{query}", None
    prompt = metadata_prompt(metadata, kind) if options.task_prompts else None
    if prompt:
        return options.template or profile.query, prompt
    symmetric = kind is None
    if options.task or options.template:
        chosen = options.template or (symmetric_template(profile) if symmetric else None)
        if options.template is None and own_prompt_name(profile, options.task):
            chosen = None
        template, task = task_template(profile, options.task, chosen)
        return template, task or (DEFAULT_TASK if symmetric else None)
    own = own_prompt(profile, metadata, kind)
    if own is not None:
        return own + "{query}", None
    return (
        (symmetric_template(profile), DEFAULT_TASK) if symmetric else task_template(profile, None)
    )


def batch_texts(
    batch: Mapping[str, Sequence[str]], kind: Kind, template: str, task: str | None
) -> list[str]:
    """Texts to encode of one batch of mteb's loader.

    mteb has joined title and text of documents; a template with a place for the title gets both apart.
    Raises UsageError for a batch without text.
    """
    if "text" not in batch:
        raise UsageError(
            f"a task with {', '.join(map(str, batch))} and no text: qembed encodes text"
        )
    if kind != "document":
        return [query_text(template, text, task) for text in batch["text"]]
    if "{title}" not in template:
        return [passage_text(template, "none", "", text) for text in batch["text"]]
    bodies = batch.get("body", batch["text"])
    titles: Sequence[Any] = batch.get("title", [""] * len(bodies))
    return [
        passage_text(template, "title text", title, body)
        for title, body in zip(titles, bodies, strict=True)
    ]
