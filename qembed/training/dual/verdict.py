"""Verdict on a pair of towers: texts of held-out groups among their pictures, and pictures among pictures."""

from __future__ import annotations

from typing import Any

from qembed.training.dual.pairs import Pictures
from qembed.training.dual.recall import TextSearch, nearest_of_group, pixel_vectors, search_by_text
from qembed.training.dual.split import PairSplit
from qembed.training.dual.towers import ImageSide, TextSide
from qembed.training.judging import compare_sides
from qembed.types import Query

MEASURE = "R@10"


def judged(images: ImageSide, texts: TextSide, pictures: Pictures, split: PairSplit) -> TextSearch:
    """Search by the texts that are judged by."""
    rows = split.test
    vectors = images.vectors(pictures.pixels[pictures.rows[rows]])
    names = [texts.names[i] for i in texts.rows[rows]]
    return search_by_text(vectors, texts.vectors(texts.rows[rows]), names)


def make_verdict(
    before: TextSearch,
    after: TextSearch,
    images: ImageSide,
    pictures: Pictures,
    split: PairSplit,
    texts: TextSide,
) -> dict[str, Any]:
    """Texts among pictures before and after, by groups; pictures of one group by the tower and by pixels."""
    rows = split.test
    component = {texts.names[texts.rows[i]]: split.component[i] for i in rows}
    queries = [Query(name, name) for name in after.values]
    members: dict[int, list[int]] = {}
    for at, query in enumerate(queries):
        members.setdefault(component[query.id], []).append(at)
    new = compare_sides(before, after, queries, list(members.values()), MEASURE)
    pixels = pictures.pixels[pictures.rows[rows]]
    groups = [split.component[i] for i in rows]
    return {
        "new": {**(new or {}), "chance": after.chance, "pictures": len(rows)},
        "images": {
            "nearest": nearest_of_group(images.vectors(pixels), groups),
            "pixels": nearest_of_group(pixel_vectors(pixels), groups),
        },
    }
