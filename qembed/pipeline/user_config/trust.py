"""Trust in values of project files that run code or send texts away.

A project file comes with a folder that somebody else may have written. A value of the kind is used only after
the user has trusted it: exactly this value, under this key, in the project file of this folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
    if address := _ADDRESS.match(value):
        return f"sends texts to {address[1].rpartition('@')[2]}"
    return None


def is_trusted(folder: Path, key: str, value: str) -> bool:
    """True if the user trusts this value under this key in the project file of this folder."""
    return bool(trusted_values().get(str(folder.resolve()), {}).get(key) == value)


def trusted_values() -> Mapping[str, Mapping[str, str]]:
    """Trusted values: folder -> key -> value. Raises UsageError for a damaged file."""
    found: dict[str, dict[str, str]] = read_config(FILE).get("trusted", {})
    return found


def check_trusted(folder: Path, values: Iterable[tuple[str, Any, str]]) -> None:
    """Raise UsageError for values that want trust and do not have it.

    `values`: key, value and place of each, as it is written in the project file of `folder`.
    """
    wrong = [
        f"{place}: {key} = {value!r} {danger}"
        for key, value, place in values
        if (danger := danger_of(value)) is not None and not is_trusted(folder, key, value)
    ]
    if wrong:
        raise UsageError(
            f"{'; '.join(wrong)}, and you have not trusted that (qembed trust, in that folder, does; "
            "or give the option yourself)"
        )


def trust(folder: Path, values: Mapping[str, str]) -> None:
    """Trust the values of a folder's project file by key, and no other ones of it. Raises StorageError."""

    def change(body: dict[str, Any]) -> None:
        known = body.setdefault("trusted", {})
        known[str(folder.resolve())] = dict(values)

    update_config(FILE, change)


def revoke(folder: Path) -> Mapping[str, str]:
    """Take trust in a folder's project file away; returns what was trusted. Raises StorageError."""
    removed: dict[str, str] = {}

    def change(body: dict[str, Any]) -> None:
        removed.update(body.get("trusted", {}).pop(str(folder.resolve()), {}))

    update_config(FILE, change)
    return removed
