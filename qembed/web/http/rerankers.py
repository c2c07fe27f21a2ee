"""Rerankers that a request may name.

A spec may also name a folder, a file of code or an address: over HTTP nobody but the server's owner may have
those loaded. The owner does, by `qembed tune` or a project's setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qembed.models.builtin.registry import BUILTIN
from qembed.models.spec import LATE, LEARNED


def allowed_rerankers(tuned: Mapping[str, Any] | None) -> list[str]:
    """Specs that may be named. `tuned`: what `tune` chose for the index, None for nothing."""
    names = [LATE, LEARNED, *(m.name for m in BUILTIN.values() if m.kind == "reranker")]
    own = None if tuned is None else tuned["options"].get("rerank")
    return list(dict.fromkeys([*names, own] if own else names))
