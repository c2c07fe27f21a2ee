"""Versions of the libraries that vectors depend on, which an index keeps."""

from __future__ import annotations

from functools import lru_cache

LIBRARIES = ("qembed", "torch", "transformers", "sentence-transformers", "tokenizers")
"""Libraries whose version may change vectors."""


@lru_cache(maxsize=1)
def library_versions() -> dict[str, str]:
    """Versions of the installed LIBRARIES, without importing them."""
    from qembed.models.environment import version

    return {name: found for name in LIBRARIES if (found := version(name)) is not None}
