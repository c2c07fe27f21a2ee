"""Hub ids: from the local hub cache, else fetched; only what qembed loads, never code or pickles."""

from __future__ import annotations

import re
from pathlib import Path

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.quiet import quiet

# a name may not begin with "." or "-": "./folder" that is not there is no hub id
_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")
WANTED = ("*.safetensors", "*.json", "*.txt", "*.model", "*_Pooling/*", "*_Dense/*")


def is_hub_id(spec: str) -> bool:
    """Whether `spec` has the form of a hub id: organisation/name."""
    return _ID.fullmatch(spec) is not None


def fetch(name: str, revision: str | None = None) -> Path:
    """The folder of a model in the local hub cache, fetched if it is not there.

    Raises ModelUnavailable, saying how to get it, if it can neither be found nor fetched, UsageError if
    the hub allows no such name.
    """
    with quiet():
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import (
            HfHubHTTPError,
            HFValidationError,
            LocalEntryNotFoundError,
        )

        patterns = list(WANTED)
        try:
            return Path(
                snapshot_download(
                    name, revision=revision, allow_patterns=patterns, local_files_only=True
                )
            )
        except HFValidationError as e:
            raise UsageError(f"{name} is no hub id: {e}") from e
        except (LocalEntryNotFoundError, FileNotFoundError):
            pass
        try:
            return Path(snapshot_download(name, revision=revision, allow_patterns=patterns))
        except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as e:
            reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
            raise ModelUnavailable(
                f"{name} is not in the local hub cache and cannot be fetched: {reason} "
                f"(where there is a network: hf download {name}; then copy the folder and give its path)"
            ) from e
