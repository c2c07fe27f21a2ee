"""Making a recipe, and refusing to mix two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from qembed.errors import RecipeMismatch, UsageError
from qembed.store import Manifest
from qembed.store.manifest import PROBE_TEXTS, unpack_vectors
from qembed.types import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qembed.models import Model
    from qembed.types import Encoder

TITLE_RULE = "title text"
HEADINGS_RULE = "title headings text"
LONG_CONTEXT_TOKENS = 512
"""Passage length for models that could take more: one vector for thirty pages finds nothing in them."""
PROBE_TOLERANCE = 0.005
"""How far a probe's cosine may fall below 1: two backends of one model differ by up to .003."""


@dataclass(frozen=True, slots=True)
class RecipeOptions:
    """What the user asked of the recipe; None where nothing was said."""

    model: str | None = None
    dim: int | None = None
    chunker: str | None = None
    max_tokens: int | None = None
    overlap: int | None = None
    headings: bool | None = None


def make_recipe(model: Model, wishes: RecipeOptions) -> Recipe:
    """The recipe of a new index. Raises UsageError for what cannot be."""
    chunker = wishes.chunker or "auto"
    whole = chunker == "none"
    limit = model.max_tokens
    max_tokens = wishes.max_tokens or (limit if whole else min(limit, LONG_CONTEXT_TOKENS))
    if max_tokens > limit:
        raise UsageError(f"--max-tokens {max_tokens}: {model.name} reads {limit} tokens at most")
    if max_tokens < 16:
        raise UsageError(f"--max-tokens {max_tokens}: at least 16")
    overlap = wishes.overlap if wishes.overlap is not None else (0 if whole else max_tokens // 8)
    if whole and overlap:
        raise UsageError("--overlap goes with --chunker auto: whole documents do not overlap")
    if not 0 <= overlap < max_tokens // 2 + 1:
        raise UsageError(f"--overlap {overlap}: between 0 and half of --max-tokens ({max_tokens})")
    return Recipe(
        model=model.name,
        revision=model.revision,
        dim=model.dim,
        pooling=model.pooling,
        passage_text=model.profile.passage,
        title_rule=HEADINGS_RULE if wishes.headings else TITLE_RULE,
        max_tokens=max_tokens,
        overlap=overlap,
        chunker=chunker,
    )


def inherited(wishes: RecipeOptions, present: Manifest) -> RecipeOptions:
    """A rebuild keeps what was not said; with another model only what does not depend on the model."""
    recipe = present.recipe
    chunker = wishes.chunker or recipe.chunker
    headings = recipe.title_rule == HEADINGS_RULE if wishes.headings is None else wishes.headings
    if wishes.model not in (None, present.spec) or chunker != recipe.chunker:
        model = wishes.model or present.spec
        return replace(wishes, model=model, chunker=chunker, headings=headings)
    return RecipeOptions(
        present.spec,
        wishes.dim or recipe.dim,
        chunker,
        wishes.max_tokens or recipe.max_tokens,
        wishes.overlap if wishes.overlap is not None or wishes.max_tokens else recipe.overlap,
        headings,
    )


def check_recipe_options(recipe: Recipe, spec: str, wishes: RecipeOptions) -> None:
    """Raises RecipeMismatch if the user asked for something the index was not made with."""
    pairs = [
        ("--model", spec, wishes.model),
        ("--dim", recipe.dim, wishes.dim),
        ("--chunker", recipe.chunker, wishes.chunker),
        ("--max-tokens", recipe.max_tokens, wishes.max_tokens),
        ("--overlap", recipe.overlap, wishes.overlap),
    ]
    wrong = [f"{n} {now} (asked for: {new})" for n, now, new in pairs if new not in (None, now)]
    if wishes.headings not in (None, recipe.title_rule == HEADINGS_RULE):
        now, new = ("--no-headings", "--headings")[:: 1 if wishes.headings else -1]
        wrong.append(f"{now} (asked for: {new})")
    if wrong:
        raise RecipeMismatch(
            f"this index was made with {', '.join(wrong)}; to make it anew that way: "
            "the same command with --rebuild"
        )


def check_model(recipe: Recipe, model: Model) -> None:
    """Raises RecipeMismatch if the model is not the one the stored vectors came from."""
    if model.revision != recipe.revision or model.dim != recipe.dim:
        raise RecipeMismatch(
            f"this index was made with {recipe.model} (content {recipe.revision[:12]}, {recipe.dim} "
            f"dimensions), {model.spec} is {model.name} (content {model.revision[:12]}, {model.dim} "
            "dimensions): their vectors cannot be compared (qembed index --rebuild --model "
            f"{model.spec} makes the index anew)"
        )


def check_probes(
    encoder: Encoder, probes: Mapping[str, str], recipe: Recipe, was: str = "", now: str = ""
) -> None:
    """Raises RecipeMismatch if the encoder gives other vectors for the probe texts than it did.

    Catches what no name or checksum shows: a library that changed under the same model, a server that
    runs another one. `was`, `now`: the model's spec when the index was made and today.
    """
    if "vectors" not in probes:
        return
    stored = unpack_vectors(probes["vectors"], recipe.dim)
    vectors = encoder.encode(list(PROBE_TEXTS))
    lowest = float((stored * vectors).sum(axis=1).min())
    if lowest < 1 - PROBE_TOLERANCE and was != now:
        raise RecipeMismatch(
            f"{now} gives other vectors than {was}, which this index was made with (cosine {lowest:.4f} "
            "on the probe texts): another model runs there, or another pooling (qembed index --rebuild "
            f"--model {now} makes the index anew)"
        )
    if lowest < 1 - PROBE_TOLERANCE:
        raise RecipeMismatch(
            f"{recipe.model} gives other vectors than when this index was made (cosine {lowest:.4f} on "
            "the probe texts): a library under it has changed (qembed index --rebuild makes the index "
            "anew)"
        )
