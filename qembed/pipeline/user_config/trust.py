"""Trust in values of project files that run code or send texts away.

A project file comes with a folder that somebody else may have written. A value of the kind is used only after
the user has trusted it: exactly this value, under this key, in the project file of this folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.pipeline.user_config.json_file import read_config, update_config

FILE = "trust.json"
TRUSTED_KEYS = ("model", "rerank")
"""Keys of a project file whose values may run code or send texts away."""
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://([^/?#]*)")


def danger_of(value: Any) -> str | None:
    """Description of what a value does that wants trust, None for a harmless one."""
    if not isinstance(value, str):
        return None
    if value.lower().startswith("py:"):
        return "runs code"
    if address := _ADDRESS.match(shown_spec(value)):
        return f"sends texts to {address[1].rpartition('@')[2]}"
    return None


def shown_spec(value: str) -> str:
    """A model or reranker for messages: its address without user, password and query."""
    from qembed.models.remote.address import without_credentials

    return without_credentials(value)


def check_spec(key: str, value: str) -> None:
    """Raise UsageError for a value that no command takes as what its key names. Opens nothing."""
    from qembed.models import encoder_spec, reranker_spec

    if key == "model":
        encoder_spec(value)
    elif key == "rerank":
        reranker_spec(value)


def is_trusted(folder: Path, key: str, value: str) -> bool:
    """True if the user trusts this value under this key in the project file of this folder."""
    return bool(trusted_values().get(str(folder.resolve()), {}).get(key) == value)


def trusted_values() -> Mapping[str, Mapping[str, str]]:
    """Trusted values: folder -> key -> value, as they are written. Raises UsageError for a damaged file."""
    found: dict[str, dict[str, str]] = read_config(FILE).get("trusted", {})
    return found


def _check_specs(values: Iterable[tuple[str, str, str]]) -> None:
    """Raise UsageError with all values that no command takes. `values`: as in `check_trusted`."""
    wrong = []
    for key, value, place in values:
        try:
            check_spec(key, value)
        except UsageError as e:
            wrong.append(f"{place}: {key}: {e}")
    if wrong:
        raise UsageError("\n  ".join(wrong))


def check_trusted(folder: Path, values: Iterable[tuple[str, Any, str]]) -> None:
    """Raise UsageError for values that want trust and do not have it, or are none that could get it.

    `values`: key, value and place of each, as it is written in the project file of `folder`.
    """
    values = list(values)
    _check_specs(v for v in values if danger_of(v[1]) is not None)
    wrong = [
        f"{place}: {key} = {shown_spec(value)!r} {danger}"
        for key, value, place in values
        if (danger := danger_of(value)) is not None and not is_trusted(folder, key, value)
    ]
    if wrong:
        raise UsageError(
            f"{'; '.join(wrong)}, and you have not trusted that (qembed trust, in that folder, does; "
            "or give the option yourself)"
        )


def trust(folder: Path, values: Sequence[tuple[str, str, str]]) -> None:
    """Trust the values of a folder's project file, and no other ones of it. `values`: as in `check_trusted`.

    Raises StorageError, and UsageError with all values that no command takes: then none is stored.
    """
    _check_specs(values)

    def change(body: dict[str, Any]) -> None:
        known = body.setdefault("trusted", {})
        known[str(folder.resolve())] = {key: value for key, value, _ in values}

    update_config(FILE, change)


def revoke(folder: Path) -> Mapping[str, str]:
    """Take trust in a folder's project file away; returns what was trusted. Raises StorageError."""
    removed: dict[str, str] = {}

    def change(body: dict[str, Any]) -> None:
        removed.update(body.get("trusted", {}).pop(str(folder.resolve()), {}))

    update_config(FILE, change)
    return removed
