"""Verdict on a pair of towers: texts of held-out groups among their pictures, and pictures among pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qembed.evaluation.tuning.verdict import judge
from qembed.training.dual.pairs import Pictures
from qembed.training.dual.recall import TextSearch, nearest_of_group, pixel_vectors, search_by_text
from qembed.training.dual.split import PairSplit
from qembed.training.dual.towers import ImageSide, TextSide
from qembed.training.judging import compare_sides
from qembed.types import Query

if TYPE_CHECKING:
    from qembed.types import Vectors

MEASURE = "R@10"
ALPHA = 0.05


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
        "of": "texts",
        "new": {**(new or {}), "chance": after.chance, "pictures": len(rows)},
        "images": _alike(images.vectors(pixels), pixel_vectors(pixels), groups),
    }


def nothing_learned(new: Mapping[str, Any]) -> str | None:
    """Reason for which a pair is not written, None if texts find pictures better beyond chance."""
    if new["gain"] <= 0:
        return "texts find pictures no better than before the training"
    if new["p"] > ALPHA:
        return f"that texts find pictures better may be chance (p {new['p']:.3f})"
    return None


def _alike(tower: Vectors, raw: Vectors, groups: Sequence[int]) -> dict[str, Any]:
    """Pictures whose nearest one is of their group, by the tower and by pixels, and the gain by groups."""
    import numpy as np

    found, by_pixels = nearest_of_group(tower, groups), nearest_of_group(raw, groups)
    judged_by = np.flatnonzero(~np.isnan(found))
    if not len(judged_by):
        return {"nearest": None, "pixels": None, "pictures": 0}
    members: dict[int, list[int]] = {}
    for at, i in enumerate(judged_by.tolist()):
        members.setdefault(groups[i], []).append(at)
    gain = judge("RR", (found - by_pixels)[judged_by], list(members.values()))
    assert gain is not None
    return {
        "nearest": float(found[judged_by].mean()),
        "pixels": float(by_pixels[judged_by].mean()),
        "gain": gain.mean,
        "low": gain.low,
        "high": gain.high,
        "p": gain.p,
        "pictures": len(judged_by),
    }
