"""From a recipe: the model, and how documents are cut for it."""

from __future__ import annotations

from collections.abc import Callable

from qembed.corpus import Chunker
from qembed.models import Model, open_model, passage_text
from qembed.pipeline.recipe import HEADINGS_RULE
from qembed.types import Recipe


def model_cut(spec: str, dim: int | None) -> Model:
    """The model that `spec` names, its vectors cut to `dim` dimensions if that is said."""
    model = open_model(spec)
    return model if dim in (None, model.dim) else open_model(spec, dim=dim)


def cutting(model: Model, recipe: Recipe) -> tuple[Chunker, Callable[[str, str, str], str]]:
    """The chunker of a recipe, and what makes the text that is encoded of a title and a passage."""

    def render(title: str, text: str, label: str) -> str:
        return passage_text(recipe.passage_text, recipe.title_rule, title, text, label)

    chunker = Chunker(
        kind="none" if recipe.chunker == "none" else "auto",
        max_tokens=recipe.max_tokens,
        overlap=recipe.overlap,
        tokenizer=model.tokenizer(),
        count=lambda text: model.count([text])[0],
        render=render,
        labelled=recipe.title_rule == HEADINGS_RULE,
    )
    return chunker, render
