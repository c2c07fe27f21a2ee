"""Extras of the distribution that an index, and an evaluation with its settings, need."""

from __future__ import annotations

from collections.abc import Iterable

from qembed.pipeline.project.project_file import find_project
from qembed.store import Manifest

_MODULES = {"Bio": "sequences", "pypdfium2": "office", "lxml": "office"}
"""Module that a reader needs -> the extra that brings it."""


def needed_extras(manifest: Manifest, files: Iterable[str]) -> set[str]:
    """Extras for the models of an index and of the project here, and for reading these files.

    None trains here, and none exports.
    """
    from qembed.models.builtin.registry import BUILTIN

    project = find_project()
    chosen = (manifest.tuned or {}).get("options", {}).get("rerank")
    shared = None if project is None else project.get("rerank")
    named = [BUILTIN[spec] for spec in (manifest.spec, chosen, shared) if spec in BUILTIN]
    found = {"models"} if any(model.extra for model in named) else set()
    if manifest.recipe.images:
        found.add("images")
        found |= {"ocr"} if "ocr" in manifest.settings.get("pictures", ()) else set()
    for name in files:
        found |= _reading(name)
    return found


def _reading(name: str) -> set[str]:
    """Extras by which a file of this name is read and cut."""
    from qembed.corpus import suffix
    from qembed.corpus.chunking.grammars import language
    from qembed.corpus.readers.mail.attachments import MAILS
    from qembed.corpus.readers.sandbox_formats import FORMATS

    ending = suffix(name)
    if ending in FORMATS:
        module = FORMATS[ending][1]
        return set() if module is None else {_MODULES[module]}
    if ending in MAILS:  # what is attached has no name of its own in an index
        return {"office"}
    return {"code"} if language(ending) else set()
