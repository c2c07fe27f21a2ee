"""Small lexical indexes."""

from __future__ import annotations

import itertools
from pathlib import Path

from qembed.search.lexical.bm25 import LexicalIndex
from qembed.search.lexical.writer import LexicalWriter

WORDS = [
    "apple",
    "pie",
    "tree",
    "E-1042",
    "getUserName",
    "退款",
    "政策",
    "the",
    "müde",
    "running",
    "run",
]


def build(
    path: Path, texts: list[str], cuts: list[int] | None = None, base: int = 0
) -> LexicalIndex:
    edges = [0, *sorted(min(c, len(texts)) for c in cuts or []), len(texts)]
    for i, (a, b) in enumerate(itertools.pairwise(edges)):
        with LexicalWriter(path, None if i == 0 else base + a) as writer:
            writer.add(range(base + a, base + b), [""] * (b - a), texts[a:b])
            writer.commit()
    return LexicalIndex.open(path, sums=True)
