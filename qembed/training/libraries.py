"""Libraries that trainings need: there, and new enough to compute what they say."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from qembed.errors import UsageError

PIP = "pip install 'qembed-search[train]'"
OLDEST_TRAINER = (6, 0)
"""sentence-transformers before 5.7 has wrong gradients in cached losses and in TSDAE, without a word."""


def require_trainer() -> None:
    """Raise UsageError if datasets or accelerate is missing, or sentence-transformers is too old."""
    missing = [name for name in ("datasets", "accelerate") if not _has(name)]
    if missing:
        raise UsageError(f"training needs {' and '.join(missing)} ({PIP})")
    found = version("sentence-transformers")
    if tuple(int(part) for part in found.split(".")[:2]) < OLDEST_TRAINER:
        raise UsageError(
            f"sentence-transformers {found} is too old for training, 6.0 or later is wanted: earlier ones "
            f"have wrong gradients in places ({PIP})"
        )


def require_peft() -> None:
    """Raise UsageError if peft is missing."""
    if not _has("peft"):
        raise UsageError(f"--lora needs peft ({PIP})")


def _has(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
