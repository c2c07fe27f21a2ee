"""qembed: index text corpora with embedding models and search them by meaning."""

from __future__ import annotations

from qembed.version import __version__

TYPE_CHECKING = False  # typing's import takes longer than all else before SIGINT has its handler
if TYPE_CHECKING:
    from typing import Any

    from qembed.api import Index, open

__all__ = ["Index", "__version__", "open"]


def __getattr__(name: str) -> Any:
    # what Python code wants; the command line must not pay for it
    if name in ("Index", "open"):
        from qembed import api

        return getattr(api, name)
    raise AttributeError(f"module 'qembed' has no attribute {name!r}")
