"""Hub models: from the local hub cache, else downloaded; weights and configuration, never code or pickles."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import ModelUnavailable, UsageError

if TYPE_CHECKING:
    from qembed.models.model_folder import Folder

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model")
"""Files that are fetched, of subfolders too: `*` stands for any path."""


def missing(folder: Path) -> str | None:
    """Name of what a snapshot lacks: configuration, weights, or one of their parts; None for a whole one.

    A link to an unfinished download counts as missing.
    """
    from qembed.models.layout.modules import ROUTER_CONFIGS, ROUTERS
    from qembed.models.model_folder import Folder

    files = Folder(folder)
    for kind, sub in files.modules():
        if kind in ROUTERS and not any((folder / sub / name).is_file() for name in ROUTER_CONFIGS):
            return str(Path(sub, ROUTER_CONFIGS[0]))
    return _missing(files) or _missing(files.queries)


def _missing(files: Folder) -> str | None:
    """Name of what the first module of a folder lacks, None if it is whole."""
    base = files.base
    if not files.is_static and not (base / "config.json").is_file():
        return "config.json"
    for index in base.glob("*.safetensors.index.json"):
        try:
            named = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return index.name
        absent = sorted(n for n in named if not (base / str(n)).is_file())
        if absent:
            return ", ".join(absent)
        return None
    if not any(p.is_file() for p in base.glob("*.safetensors")):
        return "its weights (*.safetensors)"
    return None


def fetch(
    name: str,
    revision: str | None = None,
    advice: str | None = None,
    near: Callable[[str], Sequence[str]] = lambda _: (),
) -> Path:
    """Folder of a model in the local hub cache, downloaded if it is not there.

    Raises ModelUnavailable with `advice`, by default the command that fetches it and the models `near(name)`
    that are here; UsageError for a name that the hub does not allow.
    """
    from qembed.models.library_logging import quiet

    with quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import is_offline_mode
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        patterns = list(PATTERNS)
        where = "is not in the local hub cache"
        try:
            found = Path(
                snapshot_download(
                    name, revision=revision, allow_patterns=patterns, local_files_only=True
                )
            )
            lacking = missing(found)
            if lacking is None:
                return found
            # an interrupted or partial download
            where = f"is in the local hub cache only in part ({lacking} is missing from {found})"
        except HFValidationError as e:
            raise UsageError(f"{name} is no hub id: {e}") from e
        except (LocalEntryNotFoundError, FileNotFoundError):
            pass
        try:
            found = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
            if (lacking := missing(found)) is None:
                return found
            # without a connection the client returns what is in the cache
            reason = f"{lacking} cannot be had (no connection, or the model has none)"
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as e:
            reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
            if is_offline_mode():
                reason = "HF_HUB_OFFLINE is set"
        here = f"; built in, with a name like it: {', '.join(near(name))}" if near(name) else ""
        advice = advice or (
            f"(where there is a network: hf download {name}; then copy the folder and give its path{here})"
        )
        raise ModelUnavailable(f"{name} {where} and cannot be fetched: {reason} {advice}")
