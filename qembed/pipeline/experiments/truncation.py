"""Passages of an index that are longer than its model reads: how many, and how much of their text is lost.

Only whole documents (`--chunker none`) can be that long; other passages are cut to fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qembed.evaluation.formats.source_file import counted
from qembed.pipeline.retrieval.session import Session

SAMPLED_PASSAGES = 500
"""Passages whose tokens are counted, spread over the index: well under a second."""


def passage_truncation(session: Session) -> dict[str, int] | None:
    """Count tokens of passages: `total` passages, `looked_at`, `truncated`, `tokens`, `tokens_cut`.

    The last three are of those looked at. None for an index whose passages fit.
    """
    import numpy as np

    recipe = session.recipe
    if recipe.chunker != "none":
        return None
    first, rows = session.snapshot.catalog.pointers()
    has = first[rows > 0]
    chosen = np.sort(has[_spread(len(has), SAMPLED_PASSAGES)])
    lines = session.snapshot.entries_of(chosen)
    passages = session.documents.passages(chosen)
    texts = [
        session.loaded.encoder_text(line.title, p.text, p.label)
        for line, p in zip(lines, passages, strict=True)
    ]
    counts = session.loaded.model.count(texts) if texts else []
    cut = [n - recipe.max_tokens for n in counts if n > recipe.max_tokens]
    return {
        "total": len(has),
        "looked_at": len(texts),
        "truncated": len(cut),
        "tokens": sum(counts),
        "tokens_cut": sum(cut),
    }


def _spread(n: int, most: int) -> Any:
    """Positions of up to `most` of n things, evenly spread, int64."""
    import numpy as np

    return np.linspace(0, n - 1, min(most, n)).astype(np.int64)


def describe_truncation(found: Mapping[str, int] | None, max_tokens: int) -> list[str]:
    """Describe passages that are cut, in a line; none if all fit."""
    if not found or not found["truncated"]:
        return []
    seen = found["looked_at"]
    of = counted(seen, "document")
    if seen < found["total"]:
        of += f" looked at (of {found['total']:,})"
    are = "is" if found["truncated"] == 1 else "are"
    share = found["tokens_cut"] / found["tokens"]
    lost = "under 1%" if share < 0.01 else f"{share:.0%}"
    return [
        f"{found['truncated']:,} of {of} {are} longer than the {max_tokens} tokens that the model "
        f"reads: {lost} of the text is in no vector (--chunker auto cuts documents into passages)"
    ]
