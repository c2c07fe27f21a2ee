"""Pages of an answer: what later pages leave out because earlier ones had it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qembed.pipeline.retrieval.options import By
    from qembed.types import Hit

KEY_BYTES = 5
"""Of 1,000 hits and 1,000 seen ones, one in a million answers leaves out a hit that no page had."""


def hit_key(hit: Hit, by: By) -> str:
    """Key of a hit among those of one generation, hexadecimal: of its passage, or of its document."""
    part = "" if by == "document" else f"\0{hit.passage.seq}"
    name = (hit.document + part).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(name, digest_size=KEY_BYTES).hexdigest()
