"""Maps made of numbers alone, as large as wanted, with names that try to be more than text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from qembed.pipeline.corpus_map.colors import Color
from qembed.pipeline.corpus_map.corpus_map import CorpusMap, Frame, Likeness
from qembed.pipeline.corpus_map.groups import Group
from qembed.projection.principal_axes import PrincipalAxes
from qembed.web.map.page_file import map_html

OWNED = "document.title='owned'"
HOSTILE = f'</script><script>{OWNED}</script><img src=x onerror="{OWNED}">'

DRAWN = """
const shown = document.querySelector(arguments[0]), copy = document.createElement("canvas");
[copy.width, copy.height] = [shown.width, shown.height];
const pen = copy.getContext("2d", {willReadFrequently: true});
pen.drawImage(shown, 0, 0);
const data = pen.getImageData(0, 0, copy.width, copy.height).data;
let n = 0;
for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
return n;
"""
"""Script that counts the pixels of a canvas on which something is drawn."""


def made_map(n: int, hostile: bool = False) -> CorpusMap:
    """Map of `n` points in 12 groups."""
    rng = np.random.default_rng(0)
    own = rng.integers(12, size=n)
    middles = rng.normal(size=(12, 2))
    places = middles[own] + rng.normal(size=(n, 2)) * 0.25
    name = HOSTILE if hostile else "a title"
    return CorpusMap(
        settings={"by": "document"},
        method="pca",
        generation=1,
        total=n + 5,
        ids=[f"{name} {i}" for i in range(n)],
        titles=["" if i == 6 else f"{name} {i}" for i in range(n)],
        paths=[f"docs/{name.replace('/', '_')}.md", "javascript:alert(1)", "/etc/\udcff.md"],
        path=rng.integers(3, size=n),
        passages=None,
        places=(places / np.abs(places).max()).astype(np.float32),
        groups=[Group(int((own == g).sum()), [f"word{g}", name]) for g in range(12)],
        colors=[
            Color("cluster", "category", own.astype(np.uint8), [f"{name} {g}" for g in range(12)]),
            Color("year", "number", rng.integers(255, size=n).astype(np.uint8), (), 1990, 2026),
            Color("day", "date", rng.integers(256, size=n).astype(np.uint8), (), 18000, 20000),
            Color(name, "category", (own % 2).astype(np.uint8), [name, "other"]),
        ],
        alike=[Likeness([0, 1, 2], 4, 1, 0.97), Likeness([3, 4], 2, 1, 1.0)],
        alike_total=7,
        axes=PrincipalAxes(np.zeros(4, np.float32), np.zeros((2, 4), np.float32)),
        frame=Frame(0, 0, 1),
        warnings=["a sample is shown"],
    )


def write_map(path: Path, made: CorpusMap, query: str = "a query") -> Path:
    """Page of a map with a query and three hits."""
    hits = [{"point": p, "rank": r, "score": 1 / r} for r, p in enumerate((5, 6, 7), 1)]
    placed = {
        "query": query, "x": 0.1, "y": 0.2, "placed": "projected", "hits": hits, "missing": 2,
    }  # fmt: skip
    body = {
        "map": made.to_compact(), "queries": [placed], "color": "cluster", "whole": False,
        "name": query, "folder": "..",
    }  # fmt: skip
    path.write_text(map_html(body))
    return path
