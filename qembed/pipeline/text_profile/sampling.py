"""Samples of documents: the ones with the smallest digests, which are the same whatever came in which order.

The digests of documents are random numbers, so that the smallest ones of a set are a random sample of it; the
sample of a union is found in the samples of its parts; and copies of one content count once. Pages, sheets
and chapters of a file belong to one unit: they resemble one another, and are sampled together.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from qembed.drift.sample import MOST_DOCUMENTS, MOST_PASSAGES

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.store import Catalog, Snapshot
    from qembed.types import Rows

    Mask = npt.NDArray[np.bool_]

PARTS = ("*#page=*", "*#sheet=*", "*#chapter=*", "*#part=*", "*#slide=*")
"""Ids of documents that are parts of a file."""
_STEP = 0x9E3779B97F4A7C15


class SampledRows(NamedTuple):
    """Sampled passages. `rows`: int64 (n,); `unit`: number of each one's document, ascending, int64 (n,).

    `positions`: catalog position of each passage's document; `units`: how many there are in all.
    """

    rows: Rows
    unit: Rows
    positions: Rows
    units: int


class Units(NamedTuple):
    """Units of documents. `keys`: a random number of each document's unit, uint64 (documents,): its own
    digest, or a hash of its file's name; `parts`: documents that are parts of a file, bool (documents,).
    """

    keys: npt.NDArray[np.uint64]
    parts: Mask


def is_part(name: str) -> bool:
    """True for the id of a document that is a part of a file."""
    return any(f"#{p.strip('*#')}" in name for p in PARTS)


def part_key(name: str) -> int:
    """Random number of the file that a document is a part of, by its id."""
    whole = name.rpartition("#")[0].encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")


def find_units(catalog: Catalog) -> Units:
    """Find the units of the documents."""
    import numpy as np

    keys = catalog.digest_keys().copy()
    ids = catalog.text("id")
    parts = np.zeros(len(keys), dtype=bool)
    for pattern in PARTS:
        parts |= ids.glob(pattern)
    if parts.any():
        names = catalog.ids()
        for at in np.flatnonzero(parts).tolist():
            keys[at] = part_key(names[at])
    return Units(keys, parts)


def sample_documents(
    snapshot: Snapshot,
    among: Mask | None = None,
    documents: int = MOST_DOCUMENTS,
    units: Units | None = None,
) -> SampledRows:
    """Sample the passages of at most `documents` units, MOST_PASSAGES of each.

    `among`: the documents to choose from, bool (documents,); None for all. `units`: of the catalog, if
    they are known.
    """
    import numpy as np

    catalog = snapshot.catalog
    first, rows = catalog.pointers()
    chosen = rows > 0 if among is None else among & (rows > 0)
    keys, parts = find_units(catalog) if units is None else units
    distinct = np.unique(keys[chosen])
    few = distinct[:documents]
    if not len(few):
        empty = np.zeros(0, dtype=np.int64)
        return SampledRows(empty, empty, empty, 0)
    at = np.flatnonzero(chosen & (keys <= few[-1]))
    at = at[np.argsort(keys[at], kind="stable")]
    found: list[tuple[int, int, int]] = []
    bounds = np.searchsorted(keys[at], few, side="left").tolist()
    for unit, (a, b) in enumerate(zip(bounds, [*bounds[1:], len(at)], strict=True)):
        ours = at[a:b]
        if b - a > 1 and not parts[ours[0]]:
            ours = ours[:1]  # copies of one content
        whole = [(int(first[p]) + i, int(p)) for p in ours.tolist() for i in range(int(rows[p]))]
        found += [(*whole[i], unit) for i in sample_passages(int(few[unit]), len(whole))]
    columns = np.array(found, dtype=np.int64)
    return SampledRows(columns[:, 0], columns[:, 2], columns[:, 1], len(distinct))


def sample_passages(key: int, passages: int) -> list[int]:
    """Numbers of MOST_PASSAGES passages of a unit that has `passages`, at random by its key, ascending.

    Both sides of a comparison choose by this rule: were it the first passages of the one and others of the
    other, the places in documents would be compared.
    """
    order = sorted(range(passages), key=lambda i: _scrambled((key + (i + 1) * _STEP) % 2**64))
    return sorted(order[:MOST_PASSAGES])


def _scrambled(x: int) -> int:
    """Hash of a number, 64 bits (the finaliser of splitmix64)."""
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) % 2**64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) % 2**64
    return x ^ x >> 31
