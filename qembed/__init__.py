"""qembed: index text corpora with embedding models and search them by meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qembed.version import __version__

if TYPE_CHECKING:
    from qembed.api import Index, open

__all__ = ["Index", "__version__", "open"]


def __getattr__(name: str) -> Any:
    # what Python code wants; the command line must not pay for it
    if name in ("Index", "open"):
        from qembed import api

        return getattr(api, name)
    raise AttributeError(f"module 'qembed' has no attribute {name!r}")
