"""Commit of a git checkout, and whether its files differ from it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

GIT_SECONDS = 5.0
"""Longest wait for git; a large checkout on a slow disk has its commit, and no answer on changes."""


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
