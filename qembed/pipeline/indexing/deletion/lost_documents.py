"""Documents of one catalog that another has neither by id nor by content: what is lost, and not moved."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from qembed.store import Catalog

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def lost_documents(before: Catalog, keep: npt.NDArray[np.bool_], after: Catalog) -> Counter[str]:
    """Number of documents lost, by source.

    `keep`: bool (documents,) of `before`, True for those that are in `after` as they were. A new document
    makes up for one that is gone if it has the same content, or stands in the same file, and for one only.
    """
    import numpy as np

    was, now = (c.columns("id", "source", "file", "digest") for c in (before, after))
    known, left = {*was["id"]}, {*now["id"]}
    new = [i for i, name in enumerate(now["id"]) if name not in known]
    moved: dict[bytes, list[int]] = defaultdict(list)
    for i in new:
        moved[now["digest"][i]].append(i)
    taken: set[int] = set()
    gone: list[int] = []
    for p in np.flatnonzero(~keep).tolist():
        if was["id"][p] in left:
            continue
        if same := moved[was["digest"][p]]:
            taken.add(same.pop())
        else:
            gone.append(p)
    there = Counter((now["source"][i], now["file"][i]) for i in new if i not in taken)
    lost: Counter[str] = Counter()
    for p in gone:
        file = was["source"][p], was["file"][p]
        if there[file] > 0:
            there[file] -= 1
        else:
            lost[file[0]] += 1
    return lost
