"""Recipes: made from a model and options, and compared with the recipe of an existing index.

An index never holds vectors of two recipes. A model may change its place, though: a server gets another
address, a folder is moved or copied (`relocated_model`).
"""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, NamedTuple

from qembed.errors import ModelUnavailable, RecipeMismatch, UsageError
from qembed.pipeline.progress import never
from qembed.pipeline.sequences.chunkers import check_alphabet, cuts_alike, own_chunker, with_kmer
from qembed.sequences.recipe import sequence_recipe
from qembed.store import Manifest
from qembed.store.manifest import PROBE_TEXTS, unpack_vectors
from qembed.types import Recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from qembed.models import Model
    from qembed.protocols import Encoder

PIXELS = "rgb, upright, white ground, at most 1024 px"
"""Form in which pictures are read (`corpus/readers/pictures/opened`), for the recipe."""
IMAGES_EXTRA = "needs qembed-search[images] (pip install 'qembed-search[images]')"
TITLE_RULE = "title text"
HEADINGS_RULE = "title headings text"
SEQUENCE_RULE = "none"
"""Of sequences: names and descriptions are no residues."""
LONG_CONTEXT_TOKENS = 512
"""Default passage length of models that accept more tokens: one vector of thirty pages finds nothing."""
MIN_TOKENS = 16
OVERLAP_IN_PARAGRAPHS, OVERLAP_IN_SECTIONS = 1, 2
"""Versions of recipes. The default overlap is in paragraphs: in sections it makes an eighth more passages."""
PROBE_TOLERANCE = 0.005
"""Allowed distance of a probe's cosine from 1: two backends of one model differ by up to .003."""


class RecipeOptions(NamedTuple):
    """Recipe settings given by the user; None for each that was not given. `kmer`: without `chunker`."""

    model: str | None = None
    dim: int | None = None
    chunker: str | None = None
    max_tokens: int | None = None
    overlap: int | None = None
    headings: bool | None = None
    images: bool | None = None
    kmer: int | None = None


def make_recipe(model: Model, options: RecipeOptions) -> Recipe:
    """Make the recipe of a new index. Raises UsageError for settings that are out of range."""
    chunker = options.chunker or with_kmer(own_chunker(model), options.kmer)
    check_alphabet(model, chunker)
    whole = chunker == "none"
    limit = model.max_tokens
    max_tokens = options.max_tokens
    if max_tokens is None:
        max_tokens = limit if whole else min(limit, LONG_CONTEXT_TOKENS)
    if max_tokens > limit:
        raise UsageError(f"--max-tokens {max_tokens}: {model.name} reads {limit} tokens at most")
    if max_tokens < MIN_TOKENS:
        raise UsageError(f"--max-tokens {max_tokens}: at least {MIN_TOKENS}")
    overlap = options.overlap
    if overlap is None:
        overlap = 0 if whole else _overlap(max_tokens)
    if whole and overlap:
        raise UsageError("--overlap goes with --chunker auto: whole documents do not overlap")
    if not 0 <= overlap < max_tokens // 2 + 1:
        raise UsageError(f"--overlap {overlap}: between 0 and half of --max-tokens ({max_tokens})")
    if options.images and not image_recipe(model):
        why = f"{model.name} reads none" if not model.supports("image") else IMAGES_EXTRA
        raise UsageError(f"--pictures: {why}")
    return Recipe(
        model=model.name,
        revision=model.revision,
        dim=model.dim,
        pooling=model.pooling,
        passage_text=model.profile.passage,
        title_rule=_title_rule(chunker, options.headings),
        max_tokens=max_tokens,
        overlap=overlap,
        chunker=chunker,
        version=OVERLAP_IN_SECTIONS if options.overlap else OVERLAP_IN_PARAGRAPHS,
        images="" if options.images is False else image_recipe(model),
    )


def image_recipe(model: Model) -> str:
    """Preparation of pictures by the reader and by the model; "" where they cannot be read."""
    from importlib.util import find_spec

    if not model.supports("image") or find_spec("PIL") is None:
        return ""
    return f"{PIXELS}; {model.image_recipe}"


def _title_rule(chunker: str, headings: bool | None) -> str:
    if sequence_recipe(chunker) is not None:
        return SEQUENCE_RULE
    return HEADINGS_RULE if headings else TITLE_RULE


def _overlap(max_tokens: int) -> int:
    """Default overlap, in tokens."""
    return max_tokens // 8


def inherit_options(options: RecipeOptions, present: Manifest) -> RecipeOptions:
    """Complete the options of a rebuild with the present recipe's settings.

    With another model or chunker only the settings that depend on neither are taken over.
    """
    recipe = present.recipe
    chunker = options.chunker or with_kmer(recipe.chunker, options.kmer)
    default = recipe.version == OVERLAP_IN_PARAGRAPHS and recipe.overlap == _overlap(
        recipe.max_tokens
    )
    overlap = options.overlap
    if overlap is None and options.max_tokens is None and not default:
        overlap = recipe.overlap
    headings = recipe.title_rule == HEADINGS_RULE if options.headings is None else options.headings
    if options.model not in (None, present.spec) or not cuts_alike(chunker, recipe.chunker):
        model = options.model or present.spec
        return options._replace(model=model, chunker=chunker, headings=headings)
    return RecipeOptions(
        present.spec,
        options.dim or recipe.dim,
        chunker,
        recipe.max_tokens if options.max_tokens is None else options.max_tokens,
        overlap,
        headings,
        options.images,
    )


def recipe_options(recipe: Recipe, default: Recipe | None) -> list[str]:
    """Options of `qembed index` that give a new index this recipe, as separate words.

    `default`: that of the model and the chunker alone; None where it is not known, and all are listed.
    """
    whole = recipe.chunker == "none"
    sequences = sequence_recipe(recipe.chunker)
    pairs = {
        "--chunker": (recipe.chunker if sequences is None else "auto", "auto"),
        "--dim": (recipe.dim, default and default.dim),
        "--max-tokens": (recipe.max_tokens, default and default.max_tokens),
    }
    words = [w for o, (now, was) in pairs.items() if now != was for w in (o, str(now))]
    if sequences is not None:
        words += ["--alphabet", sequences.alphabet.name]
        if sequences.kmer != sequences.alphabet.kmer:
            words += ["--kmer", str(sequences.kmer)]
    if recipe.version == OVERLAP_IN_SECTIONS or recipe.overlap != (
        0 if whole else _overlap(recipe.max_tokens)
    ):
        words += ["--overlap", str(recipe.overlap)]
    return words + (["--headings"] if recipe.title_rule == HEADINGS_RULE else [])


def check_recipe_options(recipe: Recipe, spec: str, options: RecipeOptions) -> None:
    """Raise RecipeMismatch if an option differs from the recipe the index was made with.

    Raises UsageError for a model that is none by its name.
    """
    from qembed.models.spec import encoder_spec

    chunker = options.chunker
    if chunker is None and options.kmer is not None:
        chunker = with_kmer(recipe.chunker, options.kmer)
    pairs = [
        ("--model", spec, options.model),
        ("--dim", recipe.dim, options.dim),
        ("--chunker", recipe.chunker, chunker),
        ("--max-tokens", recipe.max_tokens, options.max_tokens),
        ("--overlap", recipe.overlap, options.overlap),
    ]
    wrong = [f"{n} {now} (asked for: {new})" for n, now, new in pairs if new not in (None, now)]
    if options.images is False and recipe.images:
        wrong.append("pictures (asked for: --pictures none)")
    if options.images and not recipe.images:
        wrong.append("no pictures (asked for: pictures)")
    if options.headings not in (None, recipe.title_rule == HEADINGS_RULE):
        now, new = ("--no-headings", "--headings")[:: 1 if options.headings else -1]
        wrong.append(f"{now} (asked for: {new})")
    if wrong:
        if options.model not in (None, spec):
            encoder_spec(options.model)  # a name that is none is no reason for a rebuild
        raise RecipeMismatch(
            f"this index was made with {', '.join(wrong)}; to make it anew that way: "
            "the same command with --rebuild"
        )


@contextlib.contextmanager
def opening_remembered(spec: str) -> Iterator[None]:
    """Open the model that an index remembers. A folder that is not there becomes ModelUnavailable."""
    try:
        yield
    except UsageError as e:
        from qembed.models.spec import parse_spec

        if parse_spec(spec).kind != "unknown":
            raise
        raise ModelUnavailable(
            f"the index's model is not at {spec}, seen from here (qembed index --model PATH follows one "
            "that has moved, and encodes nothing anew)"
        ) from e


def check_model(recipe: Recipe, model: Model) -> None:
    """Raise RecipeMismatch if `model` is not the model of the stored vectors."""
    if recipe.images and (images := f"{PIXELS}; {model.image_recipe}") != recipe.images:
        raise RecipeMismatch(
            f"the pictures of this index were prepared otherwise ({recipe.images}) than now ({images}): "
            "their vectors cannot be compared (qembed index --rebuild makes the index anew)"
        )
    if model.revision != recipe.revision or model.dim != recipe.dim:
        raise RecipeMismatch(
            f"this index was made with {recipe.model} (content {recipe.revision[:12]}, {recipe.dim} "
            f"dimensions), {model.spec} is {model.name} (content {model.revision[:12]}, {model.dim} "
            "dimensions): their vectors cannot be compared (qembed index --rebuild --model "
            f"{shlex.quote(model.spec)} makes the index anew)"
        )


def check_similarity(model: Model) -> None:
    """Raise UsageError if a model was trained for a similarity that does not rank as cosine does."""
    if reason := similarity_problem(model.name, model.profile.similarity):
        raise UsageError(f"--model {model.spec}: {reason}")


def similarity_problem(name: str, similarity: str) -> str | None:
    """Reason for which no new index of a model is made, None if its similarity ranks as cosine does."""
    if similarity == "cosine":
        return None
    return (
        f"{name} was trained for {similarity}, where the length of a vector counts, and an index holds "
        "vectors of length 1, ranked by cosine: take a model trained for cosine, or set "
        '"similarity_fn_name": "cosine" in its config_sentence_transformers.json to rank by cosine all the '
        "same (qembed eval measures what that costs)"
    )


def check_probes(
    encoder: Encoder,
    probes: Mapping[str, str],
    recipe: Recipe,
    old_spec: str = "",
    new_spec: str = "",
) -> None:
    """Encode the probe texts again and raise RecipeMismatch if the vectors differ from the stored ones.

    Catches changes that no name or checksum shows: a library that changed under the same model, a server
    that runs another one. `old_spec`, `new_spec`: the model's spec when the index was made and now.
    """
    if "vectors" not in probes:
        return
    stored = unpack_vectors(probes["vectors"], recipe.dim)
    vectors = encoder.encode(list(PROBE_TEXTS))
    lowest = float((stored * vectors).sum(axis=1).min())
    if lowest >= 1 - PROBE_TOLERANCE:
        return
    if old_spec != new_spec:
        raise RecipeMismatch(
            f"{new_spec} gives other vectors than {old_spec}, which this index was made with (cosine "
            f"{lowest:.4f} on the probe texts): another model runs there, or another pooling "
            f"(qembed index --rebuild --model {shlex.quote(new_spec)} makes the index anew)"
        )
    raise RecipeMismatch(
        f"{recipe.model} gives other vectors than when this index was made (cosine {lowest:.4f} on "
        "the probe texts): a library under it has changed (qembed index --rebuild makes the index "
        "anew)"
    )


def relocated_model(
    present: Manifest, spec: str | None, stop: Callable[[], bool] = never
) -> Model | None:
    """Open the model of an index at its new place `spec`; None if `spec` is no new place of that model.

    `stop`: polled while a server is given time. A folder is compared by content; of a server only the
    model's name is known, so its vectors of the probe texts decide. Raises RecipeMismatch for a server whose
    model has the right name and gives other vectors, ModelUnavailable if it cannot be reached.
    """
    if not spec or spec == present.spec:
        return None
    from qembed.models.spec import open_model, parse_spec

    now = parse_spec(spec)
    remote = now.kind == parse_spec(present.spec).kind == "endpoint"
    if not remote and now.kind != "folder":
        return None  # resolving another name might download a model
    model, recipe = open_model(spec), present.recipe
    if remote:
        model.prepare(lambda _: None, stop)
    if model.revision != recipe.revision:
        return None
    if model.dim != recipe.dim:
        model = open_model(spec, dim=recipe.dim)
    if remote:
        check_probes(model.encoder(), present.probes, recipe, present.spec, spec)
    return model
