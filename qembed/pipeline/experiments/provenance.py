"""Provenance of a report: date, commit of the checkout, index, version."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qembed.version import __version__

GIT_SECONDS = 5.0
"""Longest wait for git; a large checkout on a slow disk has its commit, and no answer on changes."""


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


def _seen_from_here(path: Path) -> str:
    try:
        return path.absolute().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(path)


def git_state(folder: Path) -> tuple[str | None, bool | None]:
    """Return (commit of HEAD, whether tracked files differ from it); None for what cannot be told."""
    # a checkout that belongs to another user is common in containers; reading HEAD runs nothing of it
    commit = _git(folder, "-c", "safe.directory=*", "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return None, None
    changes = _git(
        folder, "-c", "core.fsmonitor=false", "status", "--porcelain", "--untracked-files=no"
    )
    return commit, None if changes is None else bool(changes)


def _git(folder: Path, *args: str) -> str | None:
    """Run git; returns its output, None if it fails or is not installed."""
    git = shutil.which("git")
    if git is None:
        return None
    # a hook's GIT_DIR would name another checkout
    env = {k: v for k, v in os.environ.items() if k not in ("GIT_DIR", "GIT_WORK_TREE")}
    try:
        done = subprocess.run(
            [git, "-C", os.fspath(folder), *args],
            env=env | {"GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None
