"""Checksums of model files, cached: weights are hashed once after each change."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from qembed.paths import cache_folder, has_cache_place


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, as hex; cached by path, size, inode and modification time."""
    stat = path.stat()
    key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{stat.st_ino}"
    name = hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    entry = cache_folder() / "sha256" / name
    with contextlib.suppress(OSError, ValueError):
        text = entry.read_text()
        if len(text) == 64:
            return text
    with path.open("rb") as f:
        found = hashlib.file_digest(f, "sha256").hexdigest()
    if not has_cache_place():
        return found
    with contextlib.suppress(OSError):  # a cache that cannot be written only costs time
        entry.parent.mkdir(parents=True, exist_ok=True)
        partial = entry.with_suffix(f".{os.getpid()}")
        partial.write_text(found)
        partial.replace(entry)
    return found
