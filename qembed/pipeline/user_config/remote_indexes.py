"""Remote indexes: the folder of each on this machine, with its address, what was read of it, and its log.

Everything here but the log can be read from the server again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import IndexDamaged, IndexLocked, StorageError, refusal
from qembed.locks import FileLock, LockHeld
from qembed.paths import REMOTE, data_folder

if TYPE_CHECKING:
    from qembed.engines.address import CollectionAddress


def remote_folder(text: str) -> Path:
    """Folder of the remote index with an address; made if there is none. Raises UsageError, StorageError."""
    from qembed.engines.address import parse_collection

    address = parse_collection(text)
    digest = hashlib.blake2b(address.url.encode(), digest_size=8).hexdigest()
    root = data_folder() / "remote" / f"{address.name}-{digest}"
    file = root / REMOTE
    try:
        if not file.is_file():
            root.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps({"schema": 1, "url": address.url}))
    except OSError as e:
        raise StorageError(f"cannot write {root}: {refusal(e)}") from e
    return root


@contextmanager
def export_lock(place: str, wait: float) -> Iterator[None]:
    """Lock of exports to one place by this user. Raises IndexLocked after `wait` seconds, StorageError."""
    digest = hashlib.blake2b(place.encode(), digest_size=8).hexdigest()
    folder = data_folder() / "exports"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{digest}.lock", wait)
    except LockHeld as e:
        raise IndexLocked(
            f"another export to {place} goes on: process {e.pid or 'unknown'}"
        ) from None
    except OSError as e:
        raise StorageError(f"cannot lock {folder}: {refusal(e)}") from e
    with lock:
        yield


def is_remote(root: Path) -> bool:
    """True for the folder of a remote index."""
    return (root / REMOTE).is_file()


def address_of(root: Path) -> CollectionAddress:
    """Address of the remote index whose folder this is. Raises IndexDamaged."""
    # here, since each query asks `is_remote`, and few are
    from qembed.engines.address import parse_collection

    try:
        body: dict[str, Any] = json.loads((root / REMOTE).read_text())
        url = str(body["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise IndexDamaged(
            f"{root / REMOTE} is damaged (remove it, and name the index by its address)"
        ) from None
    return parse_collection(url)
