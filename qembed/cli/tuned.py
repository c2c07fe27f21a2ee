"""Options that `qembed tune` chose for an index: which of them were asked for otherwise, and their text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from qembed.cli.options import SEARCH_GROUP

UntunedOption = Annotated[
    bool,
    typer.Option(
        "--untuned",
        help="Leave out what qembed tune chose for the index.",
        rich_help_panel=SEARCH_GROUP,
    ),
]


def is_given(ctx: Any, name: str) -> bool:
    """True if the command line, the environment or the project file sets an option."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


def given_options(ctx: Any, untuned: bool) -> tuple[str, ...] | None:
    """Names of the query options that the command line, environment or project file sets.

    `ctx`: of the command. None for `untuned`: then the index's own choices do not count either.
    """
    if untuned:
        return None
    found = {n for n in ctx.params if is_given(ctx, n)}
    if "no_instruction" in found:
        found.add("instruction")
    return tuple(sorted(found & set(TUNABLE)))


TUNABLE = (
    *("instruction", "task", "template", "mode", "fusion", "fusion_parameters", "document_score"),
    *("diversity", "ef", "rerank", "rerank_share", "candidates"),
)
"""Fields of a query's options that `tune` chooses; the table of the query's options stays out of the help."""


def tuned_text(chosen: Mapping[str, Any]) -> str:
    """Options that `tune` chose, in one line."""
    words = []
    for name in sorted(chosen, key=lambda n: TUNABLE.index(n) if n in TUNABLE else len(TUNABLE)):
        value = chosen[name]
        if isinstance(value, Mapping):
            value = " ".join(f"{k} {v:g}" for k, v in value.items())
        words.append(
            "no instruction" if name == "instruction" else f"{name.replace('_', ' ')} {value}"
        )
    return ", ".join(words)
