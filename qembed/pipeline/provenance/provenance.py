"""Provenance of a report: date, commit of the checkout, index, version; with the recipe of its index."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qembed.pipeline.provenance.checkout import git_state
from qembed.store import Snapshot
from qembed.version import __version__


def provenance(index: Path | None, generation: int | None) -> dict[str, Any]:
    """JSON of a report's `provenance`.

    `date` in UTC; `commit` and `dirty` (tracked files differ from it) of the checkout with the index, else of
    the current folder's, null outside a checkout or without git; `index` as seen from the current folder.
    """
    commit, dirty = None, None
    for folder in (*([index.parent] if index is not None else []), Path.cwd()):
        commit, dirty = git_state(folder)
        if commit is not None:
            break
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "commit": commit,
        "dirty": dirty,
        "index": None if index is None else _seen_from_here(index),
        "generation": generation,
        "version": __version__,
    }


def origin_json(snapshot: Snapshot) -> dict[str, Any]:
    """JSON of the keys `provenance` and `recipe` of a report on an index, by which its header is made."""
    manifest = snapshot.manifest
    return {
        "provenance": provenance(snapshot.root, manifest.generation),
        "recipe": manifest.recipe.to_json(),
    }


def _seen_from_here(path: Path) -> str:
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)
