"""Named indexes: short names for folders of indexes, for `--index` and $QEMBED_INDEX."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.pipeline.user_config.json_file import read_config, update_config

FILE = "indexes.json"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def named_indexes() -> Mapping[str, Path]:
    """Folders of the named indexes, by name. Raises UsageError for a damaged file."""
    found = read_config(FILE).get("indexes", {})
    return {name: Path(path) for name, path in sorted(found.items())}


def index_of_name(given: Path) -> Path | None:
    """Folder of the index of this name, None if there is no such name."""
    name = str(given)
    return named_indexes().get(name) if _NAME.fullmatch(name) else None


def add_name(name: str, root: Path) -> None:
    """Name an index. Raises UsageError for a name that is none or another index's; and as `update_config`."""
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r}: a name has letters, digits, - _ and ., and no / (64 at most)")

    def change(body: dict[str, Any]) -> None:
        known = body.setdefault("indexes", {})
        if known.get(name, str(root)) != str(root):
            hint = f"qembed indexes remove {name}"
            raise UsageError(f"{name} is the name of {known[name]} ({hint} takes it away)")
        known[name] = str(root)

    update_config(FILE, change)


def remove_name(name: str) -> Path:
    """Take a name away, and nothing else; returns the index's folder. Raises UsageError if it is none."""
    removed: list[str] = []

    def change(body: dict[str, Any]) -> None:
        known = body.get("indexes", {})
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise UsageError(f"no index is named {name} (known: {names})")
        removed.append(known.pop(name))

    update_config(FILE, change)
    return Path(removed[0])


def name_of(root: Path) -> str:
    """Name by which an index is shown: its own, else that of the folder that holds it."""
    for name, path in named_indexes().items():
        if path == root:
            return name
    from qembed.paths import INDEX_FOLDER

    return (root.parent.name or str(root)) if root.name == INDEX_FOLDER else root.name
