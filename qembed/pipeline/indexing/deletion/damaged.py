"""Documents that a repair reads again: those of damaged shards, or all if the documents file is damaged.

They count as documents of the index until their files have been read without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from qembed.pipeline.indexing.plan import Key
from qembed.pipeline.source_options import STDIN
from qembed.store import Catalog, Manifest
from qembed.store.repair import RepairPlan

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NOT_FOUND = "not found again"
"""Reason of documents of a damaged documents file that no file has."""


class DamagedDocuments:
    """Damaged documents of an index.

    `catalog`: of the run, grouped by file; has the documents of damaged shards, and none of a damaged
    documents file. `mask`: bool (documents,), True for the former; `former`: the latter, None without any.
    `is_any`: the repair has damaged shards, or a damaged documents file.
    """

    def __init__(self, catalog: Catalog, repair: RepairPlan, present: Manifest | None) -> None:
        self._catalog = catalog
        self.mask: npt.NDArray[np.bool_] = repair.is_damaged(catalog)
        self.former = repair.former
        self.is_any = repair.kept is not None
        self._sources = {s.path for s in present.sources} if present is not None else set()

    @cached_property
    def by_file(self) -> Counter[Key]:
        """Documents of damaged shards in each file."""
        if not self.mask.any():
            return Counter()
        names = self._catalog.columns("source", "file").values()
        keys = zip(*names, strict=True)
        return Counter(
            key for key, damaged in zip(keys, self.mask.tolist(), strict=True) if damaged
        )

    @property
    def sources(self) -> set[str]:
        """Sources that are to be read again, whichever the run names."""
        if self.former is None:
            return {source for source, _ in self.by_file} - {STDIN}
        known = self.former.by_source
        return (self._sources if known is None else {*known}) - {STDIN}

    @property
    def former_number(self) -> int:
        """Number of documents of a damaged documents file."""
        return 0 if self.former is None else self.former.number

    @property
    def former_by_source(self) -> Counter[str]:
        """The same by source, where that is known."""
        known = (None if self.former is None else self.former.by_source) or {}
        return Counter({path: len(ids) for path, ids in known.items()})

    def is_new(self, key: Key) -> bool:
        """True for a file of which the index has no whole document."""
        state = self._catalog.files().get(key)
        return state is None or self.by_file[key] == state.stop - state.start

    def count(self, keys: Iterable[Key]) -> int:
        """Number of documents of damaged shards in these files."""
        return sum(self.by_file[key] for key in keys) if self.by_file else 0

    def reasons(self, gone: Mapping[Key, str]) -> Counter[tuple[str, str]]:
        """Numbers of documents of damaged shards in files that are gone, by source and reason.

        `gone`: these files with the reasons.
        """
        found: Counter[tuple[str, str]] = Counter()
        for key, why in gone.items() if self.by_file else ():
            found[key[0], why] += self.by_file[key]
        return +found

    def not_found(self, ids: Iterable[str]) -> tuple[int, Mapping[str, int]]:
        """Number of former documents that are not among `ids`, and their numbers by source, if known."""
        former, now = self.former, {*ids}
        if former is None:
            return 0, {}
        if former.ids is None:
            return max(0, former.number - len(now)), {}
        lost = {path: len(names - now) for path, names in (former.by_source or {}).items()}
        return len(former.ids - now), {path: n for path, n in lost.items() if n}
