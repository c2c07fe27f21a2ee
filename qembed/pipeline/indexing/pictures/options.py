"""Pictures that an index takes: the option `--pictures`, and its place in the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from qembed.corpus import NO_PICTURES, PICTURE, WITHOUT_EXTRA
from qembed.errors import UsageError
from qembed.pipeline.recipe import IMAGES_EXTRA
from qembed.pipeline.skipped_files import total_skipped
from qembed.pipeline.source_options import SHARED

if TYPE_CHECKING:
    from qembed.models import Model
    from qembed.pipeline.indexing.options import IndexOptions
    from qembed.store import Manifest
    from qembed.types import Recipe

SETTING = "pictures"
"""Name in the settings of a manifest."""
NONE, PLAIN = "none", "plain"
OCR = "ocr"
WORDS = (NONE, PLAIN, "place", "pages", OCR)
"""Values of the option: no pictures; these alone; where they were taken; pages of PDF; text in pictures."""
OCR_EXTRA = "needs qembed-search[ocr] (pip install 'qembed-search[ocr]')"


def check_pictures(words: Sequence[str]) -> tuple[str, ...]:
    """The option's values, each once. Raises UsageError for those that are none or exclude each other."""
    found = tuple(dict.fromkeys(words))
    if wrong := [w for w in found if w not in WORDS]:
        raise UsageError(f"--pictures {' '.join(wrong)}: one of {', '.join(WORDS)} is wanted")
    if alone := [w for w in (NONE, PLAIN) if w in found and len(found) > 1]:
        raise UsageError(f"--pictures {alone[0]} goes without others")
    return found


def settle_pictures(
    options: IndexOptions, present: Manifest | None
) -> tuple[IndexOptions, dict[str, Any]]:
    """Options of a run with what is remembered of pictures, and the settings of its manifest.

    All files are read again where the option is another than before. `present`: of an index that there is.
    Raises UsageError where text in pictures is to be read without its extra.
    """
    settings = dict(present.settings) if present is not None else {}
    settings.pop(SHARED, None)  # told anew by the sources
    given = options.pictures
    if given is not None:
        kept = [w for w in given if w != PLAIN]
        is_new = present is not None and settings.get(SETTING, []) != kept
        options = replace(options, verify_content=options.verify_content or is_new)
        settings[SETTING] = kept
    images = None if given is None else bool(given)
    if NONE in settings.get(SETTING, ()):
        images = False
    if OCR in settings.get(SETTING, ()) and find_spec("rapidocr") is None:
        raise UsageError(f"--pictures ocr: {OCR_EXTRA}")
    return replace(options, recipe=options.recipe._replace(images=images)), settings


def reading_of(recipe: Recipe, settings: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The option of ReadOptions that an index's files are read with."""
    return tuple(settings.get(SETTING, ())) if recipe.images else None


def left_out_reason(
    recipe: Recipe, settings: Mapping[str, Any], model: Model | None, present: Manifest | None
) -> str | None:
    """Reason for which pictures are left out of an index, None if they are read.

    `model`: opened for a new index, None otherwise. `present`: of an index that there is, where a run before
    has found what is missing.
    """
    if recipe.images:
        return None
    if NONE in settings.get(SETTING, ()):
        return NO_PICTURES
    if model is not None and not model.supports("image"):
        return PICTURE
    if model is not None and find_spec("PIL") is None:
        return IMAGES_EXTRA
    told = {} if present is None else total_skipped(present.skipped)
    return PICTURE if told.keys().isdisjoint((IMAGES_EXTRA, WITHOUT_EXTRA)) else WITHOUT_EXTRA
