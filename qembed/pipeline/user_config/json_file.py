"""JSON files in the user's configuration folder: read whole, written whole, one writer at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qembed.errors import IndexLocked, StorageError, UsageError, cannot_read, refusal
from qembed.locks import FileLock, LockHeld
from qembed.paths import CONFIG_HINT, config_folder

LOCK = "lock"
WAIT_SECONDS = 10.0
"""Time to wait for another writer of the folder."""
SCHEMA = 1


def read_config(name: str) -> dict[str, Any]:
    """Content of a file, {} if there is none. Raises UsageError for one that is damaged, InputError."""
    path = config_folder() / name
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as e:
        raise cannot_read(path, e) from e
    try:
        body = json.loads(data)
    except ValueError as e:
        raise UsageError(f"{path}: not JSON: {e} (mend it, or delete it)") from None
    if not isinstance(body, dict) or body.get("schema") != SCHEMA:
        raise UsageError(f"{path}: not a file of this version of qembed (mend it, or delete it)")
    return body


def update_config(name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a file: `change` gets its content, to be changed in place.

    The new file takes the old one's place in one rename. Raises IndexLocked, StorageError, and what `change`
    raises, with nothing written.
    """
    folder = config_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, WAIT_SECONDS):
            body = read_config(name)
            change(body)
            _replace(folder / name, {"schema": SCHEMA, **body})
    except LockHeld as e:
        raise IndexLocked(f"process {e.pid or 'unknown'} is writing in {folder}") from None
    except OSError as e:
        raise StorageError(f"cannot write {folder}: {refusal(e)} ({CONFIG_HINT})") from e


def _replace(path: Path, body: dict[str, Any]) -> None:
    """Write a file durably under another name, then rename it. Readable by its user alone."""
    new = path.with_name(f"{path.name}.new")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(fd, json.dumps(body, indent=1).encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(new, path)  # noqa: PTH105 - as in durable_files
