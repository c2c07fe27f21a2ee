"""Names and places that are wanted before anything is loaded. Imports nothing of ours."""

from __future__ import annotations

import os
from pathlib import Path

MANIFEST = "manifest.json"
"""The file that makes a folder an index."""
INDEX_FOLDER = ".qembed"
"""Name of an index's folder where none is given."""
FIRST_RUN = "first-run"
"""File in an index's folder from the beginning of its first run to its first commit."""
LOCK = "lock"
"""File in an index's folder that its writer locks."""
FEEDBACK = "feedback"
"""Folder in an index's folder with the log of queries and of what was done with their answers."""
ENCODED = "encoded"
"""Folder in an index's folder with what a cluster encoded, until a run has taken it."""
REMOTE = "remote.json"
"""File with the address of an index on a server, in the folder that stands for it on this machine."""
DRIFT = "drift"
"""Folder in an index's folder with the time line of `qembed drift`."""
THUMBNAILS = "thumbnails"
"""Folder in an index's folder with small copies of its pictures, which can be made again."""
ON_PAGES = "on-pages.json"
"""File in an index's folder with the pictures that pages of its sources show; it can be made again."""

CACHE_HINT = "$QEMBED_CACHE may name another folder"
"""End of a message that the cache folder cannot be written, as where the home is read-only."""


def cache_folder() -> Path:
    """Cache folder: $QEMBED_CACHE, else the user's cache folder for qembed."""
    if named := os.environ.get("QEMBED_CACHE"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_cache_path("qembed"))


def data_folder() -> Path:
    """Folder of what this user's programs keep: $QEMBED_DATA, else the user's data folder for qembed."""
    if named := os.environ.get("QEMBED_DATA"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_data_path("qembed"))


CONFIG_HINT = "$QEMBED_CONFIG may name another folder"
"""End of a message that the configuration folder cannot be written."""


def config_folder() -> Path:
    """Configuration folder: $QEMBED_CONFIG, else the user's configuration folder for qembed."""
    if named := os.environ.get("QEMBED_CONFIG"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_config_path("qembed"))


def has_cache_place() -> bool:
    """False where the cache folder would be made in a home that does not exist, as of a service's user."""
    return bool(os.environ.get("QEMBED_CACHE")) or Path(os.path.expanduser("~")).exists()  # noqa: PTH111
