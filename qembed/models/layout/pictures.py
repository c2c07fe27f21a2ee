"""Folders of models that read pictures too: which they are, and how they prepare a picture.

towers      CLIP and SigLIP: one model, with a tower for texts and one for pictures
image       an encoder of texts with a tower of pictures in the folder `image`, as `train dual` writes it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

TOWERS = ("clip", "siglip")
"""Types of models, in config.json, with a tower for each kind."""
IMAGE_FOLDER = "image"
IMAGE_TOWER = "tower.json"
"""Folder and file of a tower of pictures beside an encoder of texts."""
SETTINGS = ("preprocessor_config.json", "processor_config.json")
"""Files that say how a picture is prepared; the second one holds it inside `image_processor`."""
Sees = Literal["", "towers", "image"]

_WIDTHS = {"clip": ("projection_dim", 512), "siglip": ("hidden_size", 768)}
"""Where a model's configuration has the dimensions of its vectors, and how many there are if it has not."""


def sees(config: Mapping[str, Any], has_settings: bool, has_tower: bool) -> Sees:
    """Kind of a model that reads pictures, "" for one that does not.

    `config`: its config.json; `has_settings`: one of SETTINGS is beside it; `has_tower`: so is IMAGE_TOWER.
    """
    if has_tower:
        return "image"
    return "towers" if has_settings and config.get("model_type") in TOWERS else ""


def width(config: Mapping[str, Any]) -> int:
    """Dimensions of the vectors of a model with towers."""
    kind = str(config["model_type"])
    name, usual = _WIDTHS[kind]
    text = config.get("text_config")
    inside = text if kind == "siglip" and isinstance(text, Mapping) else config
    value = inside.get("projection_size", inside.get(name))
    return value if isinstance(value, int) else usual


def pads_to_limit(config: Mapping[str, Any]) -> bool:
    """True for models that read each text with padding up to their limit, as SigLIP was trained.

    Padding is no part of a text's attention mask there: with less of it the vector is another one.
    """
    return config.get("model_type") == "siglip"


def image_settings(files: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """Settings by which a picture is prepared, from the files of SETTINGS; empty if none says so."""
    for name in SETTINGS:
        body = files.get(name) or {}
        found = body.get("image_processor", body)
        if isinstance(found, Mapping) and ("image_mean" in found or "size" in found):
            return found
    return {}
