"""Profiles of model families: prompts, pooling, limits; a table and a look-up by name.

A model trained with an instruction in front of its queries loses without it, one trained without
loses with it (MiniLM on SciFact: nDCG@10 .645 bare, .585 behind Qwen's instruction). So the template
belongs to the model. A model that was trained from another one records the other's profile in its folder.
Where no row matches, prompts come from the folder's own `config_sentence_transformers.json`; without that,
queries are encoded as they are and `known` is False.
"""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from qembed.errors import ModelUnavailable
from qembed.models.builtin.registry import BUILTIN
from qembed.models.model_folder import Folder
from qembed.models.profiles.profile import TASKS, Profile
from qembed.models.profiles.recorded import recorded_profile
from qembed.models.profiles.table import PROFILES

__all__ = ["PROFILES", "TASKS", "Profile", "profile_for", "short_name"]


def short_name(name: str) -> str:
    """Name of a model without its organisation or path.

    `models--Org--name/snapshots/<commit>`, the layout of the hub's cache, gives `name`.
    """
    parts = [p for p in name.replace("\\", "/").split("/") if p]
    if len(parts) >= 3 and parts[-2] == "snapshots":
        parts = parts[-3].split("--")
    return parts[-1] if parts else ""


def profile_for(name: str, folder: Path | None = None) -> Profile:
    """Profile of a model: as its folder records it, else by its name, by the folder's prompts, or unknown.

    name: a hub id, a folder name or a built-in model's. folder: the model's files, if they are here.
    Never raises: an unreadable configuration counts as none.
    """
    short = short_name(name).lower()
    if short in BUILTIN:
        short = BUILTIN[short].model.lower()
    found = next(
        (p for p in PROFILES if any(fnmatchcase(short, pattern) for pattern in p.patterns)), None
    )
    if folder is None:
        return found or Profile(short or name, known=False)
    files = Folder(folder)
    found = recorded_profile(files) or found
    return _with_files(found or Profile(short or name, known=False), files)


def _with_files(profile: Profile, folder: Folder) -> Profile:
    """Complete a profile by what its folder's own files say; an unknown one takes its prompts from them."""
    prompts = folder.prompts()
    if not profile.known and prompts.found:
        profile = replace(
            profile,
            query=prompts.query + "{query}",
            passage=prompts.passage + "{text}",
            languages=(),
            verified=False,
            known=True,
        )
    try:
        similarity = folder.similarity()
    except ModelUnavailable:  # opening the folder says so
        similarity = "cosine"
    return replace(
        profile,
        prompts=tuple(prompts.tasks.items()),
        default_prompt=prompts.default,
        similarity=similarity,
    )
