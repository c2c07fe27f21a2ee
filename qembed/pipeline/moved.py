"""An index's model at another place: a server's new address, a folder that was moved or copied.

What determines a vector is the model, not where it lies. A folder is known by its content; of a server
only the model's name is known beforehand, so its vectors for the probe texts decide.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qembed.models import Model, open_model
from qembed.pipeline.recipe import check_probes

if TYPE_CHECKING:
    from qembed.store import Manifest


def moved(present: Manifest, spec: str | None) -> Model | None:
    """The index's own model, opened where `spec` says it is now.

    None if `spec` names no other place, or another model. Raises RecipeMismatch for a server that has a
    model of that name and gives other vectors, ModelUnavailable if it cannot be reached.
    """
    if not spec or spec == present.spec:
        return None
    remote = "://" in spec and "://" in present.spec
    if not remote and not Path(spec).expanduser().is_dir():
        return None  # another name: what it means may have to be fetched first
    model, recipe = open_model(spec), present.recipe
    if model.revision != recipe.revision:
        return None
    if model.dim != recipe.dim:
        model = open_model(spec, dim=recipe.dim)
    if remote:
        check_probes(model.encoder(), present.probes, recipe, was=present.spec, now=spec)
    return model
