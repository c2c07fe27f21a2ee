"""Lines of `models show`: the fields of a model that hold something, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_OF_PROFILE = ("template", "pooling", "max_tokens", "min_dim", "dtype", "url", "similarity")
"""Fields of a profile: of a model without one they hold defaults, which nobody has stated."""
NO_PROFILE = "none: its own files say how it is used, without them texts are encoded as they are"


def model_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Lines of `models show`: a field a line. `found`: of `show_model`."""
    unknown = found.get("known") is False
    for key, value in found.items():
        if key == "known" or (unknown and key in ("profile", "verified")):
            continue
        if unknown and key in _OF_PROFILE and "modules" not in found:
            continue
        for text in _texts(key, value):
            yield f"{key:10} {text}"
        if key == "model" and unknown:
            yield f"{'profile':10} {NO_PROFILE}"


def _texts(key: str, value: Any) -> list[str]:
    """Texts of one field: what is encoded to the byte, limits and prompts one a line; none if it is empty."""
    if key == "verified":
        return ["yes: templates in the authors' own words" if value else "no"]
    if value in (None, "", [], {}):
        return []
    if key.endswith("limits"):
        return [f"{x['tokens']} {x['source']}{' (used)' * x['used']}" for x in value]
    if key == "prompts":
        return [f"{name}: {text!r}" for name, text in value.items()]
    if key.endswith("modules"):
        return [" > ".join(value)]
    if key == "answers":
        return [" or ".join(value)]
    return [repr(value) if key in ("query", "passage", "pair") else str(value)]
