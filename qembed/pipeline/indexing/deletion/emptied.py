"""Documents that have no text any more, a loss though they are still there; sources without documents."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.corpus.front_matter import front_matter
from qembed.errors import IndexDamaged
from qembed.pipeline.indexing.plan import Key
from qembed.store import Catalog, CatalogEntry, Snapshot
from qembed.types import Passage

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.pipeline.indexing.sources import Sources

FRONT = ("---", "+++")
"""Beginnings of front matter."""
READ_AT_ONCE = 5000
"""Passages whose text is read in one call."""


def has_text(text: str) -> bool:
    """True if there is text behind the front matter, if that is all but metadata."""
    if not text or text.isspace():
        return False
    return not text.startswith(FRONT) or bool(text[front_matter(text).end :].strip())


def is_textless(entry: CatalogEntry, passages: Sequence[Passage]) -> bool:
    """True for a document that is no picture, and has no text: one passage without any, or none."""
    return (
        entry.picture is None and len(passages) < 2 and not any(has_text(p.text) for p in passages)
    )


def with_text(
    snapshot: Snapshot, catalog: Catalog, positions: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """Mask of the documents of `catalog` at these positions that have text, bool (n,): no picture has.

    `snapshot`: has their rows. A document of several passages has text; of others the passage is read.
    """
    import numpy as np

    first, rows = (column[list(positions)] for column in catalog.pointers())
    entries = catalog.take(positions)
    found = np.array([e.picture is None for e in entries], dtype=bool) & (rows > 0)
    single = np.flatnonzero(found & (rows == 1))
    for at in range(0, len(single), READ_AT_ONCE):
        part = single[at : at + READ_AT_ONCE]
        for i, passage in zip(part.tolist(), snapshot.passages(first[part]), strict=True):
            found[i] = not is_textless(entries[i], [passage])
    return found


def emptied_by_rebuild(
    root: Path, made: Snapshot, now: Mapping[Key, Key]
) -> tuple[list[tuple[str, Key]], Counter[str]]:
    """Documents of the index at `root` that a rebuild has without text, with their files, and their
    numbers by source.

    `made`: the rebuild, which may have been begun by an earlier run. `now`: files that it replaces.
    """
    textless = _textless_ids(made)
    lost: list[CatalogEntry] = []
    # a damaged index can be rebuilt: what cannot be read of it is lost already
    with contextlib.suppress(IndexDamaged), contextlib.ExitStack() as stack:
        if textless:
            before = stack.enter_context(Snapshot.open(root))
            catalog = before.catalog
            named = [i for i, name in enumerate(catalog.ids()) if name in textless]
            had = with_text(before, catalog, named)
            entries = zip(catalog.take(named), had, strict=True)
            lost = [e for e, has in entries if has and (e.source, e.file) in now]
    return [(e.id, (e.source, e.file)) for e in lost], Counter(e.source for e in lost)


def _textless_ids(snapshot: Snapshot) -> set[str]:
    """Ids of the documents without text, pictures left out."""
    import numpy as np

    empty = [
        row
        for start, texts in snapshot.text_batches(snapshot.manifest.base)
        for row, text in enumerate(texts, start)
        if not has_text(text)
    ]
    first, rows = snapshot.catalog.pointers()
    positions = np.flatnonzero((rows == 1) & np.isin(first, empty))
    return {e.id for e in snapshot.catalog.take(positions.tolist()) if e.picture is None}


def emptied_sources(sources: Sources, after: Collection[str]) -> dict[str, int]:
    """Sources of a run that had documents and have none, by full path, with their numbers before.

    `after`: those that have some. A source that does not exist any more, or holds one of these, is none.
    """
    without = [s for s in sources.scan if s.path not in after and s.path not in sources.missing]
    left = [sources.full(source) for source in sources.all if source.path in after]
    before = sources.guard.documents_before() if without else {}
    return {
        str(sources.full(source)): n
        for source in without
        if (n := before.get(source.path, 0))
        and not any(full.is_relative_to(sources.full(source)) for full in left)
    }
