"""Remote indexes: the folder of each on this machine, with its address, what was read of it, and its log.

Everything here but the log can be read from the server again.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from qembed.engines.address import CollectionAddress, parse_collection
from qembed.errors import IndexDamaged, StorageError, refusal
from qembed.paths import REMOTE, data_folder


def remote_folder(text: str) -> Path:
    """Folder of the remote index with an address; made if there is none. Raises UsageError, StorageError."""
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


def is_remote(root: Path) -> bool:
    """True for the folder of a remote index."""
    return (root / REMOTE).is_file()


def address_of(root: Path) -> CollectionAddress:
    """Address of the remote index whose folder this is. Raises IndexDamaged."""
    try:
        body: dict[str, Any] = json.loads((root / REMOTE).read_text())
        url = str(body["url"])
    except (OSError, ValueError, KeyError, TypeError):
        raise IndexDamaged(
            f"{root / REMOTE} is damaged (remove it, and name the index by its address)"
        ) from None
    return parse_collection(url)
