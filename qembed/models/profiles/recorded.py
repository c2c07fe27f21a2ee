"""Profile in a model's own folder: what was known of the models that it was made from.

A trained model has a name of its own, by which no family is found; its templates, limits and languages are
those of the model that its training began with.

qembed.json   {"schema", "bases": [{"model", "revision"}], "profile": {fields of Profile}}
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from qembed.errors import ModelUnavailable
from qembed.models.model_folder import Folder
from qembed.models.profiles.profile import Profile

RECORD = "qembed.json"
SCHEMA = 1
_KEPT: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "query": (str,),
    "passage": (str,),
    "task": (str, type(None)),
    "pooling": (str,),
    "max_tokens": (int,),
    "min_dim": (int, type(None)),
    "languages": (list,),
    "url": (str,),
    "end_token": (str,),
    "dtype": (str,),
    "verified": (bool,),
    "known": (bool,),
    "alphabet": (str,),
}
"""Fields of a profile that are recorded, with their types; others are read from the folder's own files."""


def recorded_profile(folder: Folder) -> Profile | None:
    """Profile that the folder records; None without one, or for one that cannot be read. Never raises."""
    body = _record(folder).get("profile")
    if not isinstance(body, dict):
        return None
    found = {name: body[name] for name in _KEPT if name in body}
    if any(type(value) not in _KEPT[name] for name, value in found.items()):
        return None
    languages = found.get("languages", [])
    if not isinstance(found.get("name"), str) or any(not isinstance(x, str) for x in languages):
        return None
    profile = Profile(**{**found, "languages": tuple(languages)})
    holds = "{query}" in profile.query and "{text}" in profile.passage
    return profile if holds and (profile.min_dim is None or profile.min_dim > 0) else None


def recorded_bases(folder: Folder) -> list[dict[str, str]]:
    """Models that the folder's was made from, the first one first: names and revisions. Never raises."""
    bases = _record(folder).get("bases")
    if not isinstance(bases, list):
        return []
    return [
        {"model": str(base.get("model")), "revision": str(base.get("revision"))}
        for base in bases
        if isinstance(base, dict)
    ]


def make_record(profile: Profile | None, bases: Sequence[dict[str, str]]) -> dict[str, Any]:
    """Content of RECORD. `profile` None: of a model that has none, as a reranker."""
    body: dict[str, Any] = {"schema": SCHEMA, "bases": list(bases)}
    if profile is not None:
        names = [f.name for f in fields(Profile) if f.name in _KEPT]
        values = {name: getattr(profile, name) for name in names}
        body["profile"] = {**values, "languages": list(profile.languages)}
    return body


def _record(folder: Folder) -> dict[str, Any]:
    try:
        body = folder.json(RECORD)
    except ModelUnavailable:
        return {}
    return body if body.get("schema") == SCHEMA else {}
