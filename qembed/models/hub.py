"""Hub ids: from the local hub cache, else fetched; only what qembed loads, never code or pickles."""

from __future__ import annotations

import json
from pathlib import Path

from qembed.errors import ModelUnavailable, UsageError

WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*_Pooling/*", "*_Dense/*")


def missing(folder: Path) -> str | None:
    """What a snapshot lacks of a model: its configuration, weights, or one of their parts; None if nothing.

    A link to a file that was never finished counts as missing.
    """
    if not (folder / "config.json").is_file():
        return "config.json"
    for index in folder.glob("*.safetensors.index.json"):
        try:
            named = set(json.loads(index.read_text("utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return index.name
        absent = sorted(n for n in named if not (folder / str(n)).is_file())
        if absent:
            return ", ".join(absent)
        return None
    if not any(p.is_file() for p in folder.glob("*.safetensors")):
        return "its weights (*.safetensors)"
    return None


def fetch(name: str, revision: str | None = None) -> Path:
    """The folder of a model in the local hub cache, fetched if it is not there.

    Raises ModelUnavailable, saying how to get it, if it can neither be found nor fetched, UsageError if
    the hub allows no such name.
    """
    from qembed.models.library_logging import quiet

    with quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        patterns = list(WANTED)
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
            # a download that was broken off, or that took some of the files only
            where = f"is in the local hub cache only in part ({lacking} is missing from {found})"
        except HFValidationError as e:
            raise UsageError(f"{name} is no hub id: {e}") from e
        except (LocalEntryNotFoundError, FileNotFoundError):
            pass
        try:
            found = Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
            if (lacking := missing(found)) is None:
                return found
            # without a connection the client gives what is there, unasked
            reason = f"{lacking} cannot be had (no connection, or the model has none)"
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as e:
            reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
        raise ModelUnavailable(
            f"{name} {where} and cannot be fetched: {reason} "
            f"(where there is a network: hf download {name}; then copy the folder and give its path)"
        )
