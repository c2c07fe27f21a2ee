"""Compaction: rewriting the rows of a generation into fewer rows or fewer files.

compact               drops the dead rows; the living ones get new row ids
merge_small_shards    joins neighbouring small shards; row ids stay
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from qembed.store.arrow import filtered
from qembed.store.catalog import Catalog
from qembed.store.manifest import Manifest, Shard
from qembed.store.shards import COLUMNS
from qembed.store.snapshot import Snapshot, live_mask
from qembed.store.writer import Writer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Rows


class CompactionPolicy(NamedTuple):
    """Thresholds of compaction and merging.

    A generation is compacted if more than `dead_rows` rows and more than the share `dead_share` of all rows
    are dead. Its small shards, of less than `small` rows, are merged once there are more than `most` of them.
    """

    dead_share: float = 0.3
    dead_rows: int = 1000
    small: int = 25_000
    most: int = 24

    def wants_compaction(self, rows: int, dead: int) -> bool:
        """True if `dead` of `rows` rows are worth a compaction."""
        return dead > self.dead_rows and dead > self.dead_share * rows

    def wants_merging(self, shards: Sequence[Shard]) -> bool:
        """True if there are too many small shards."""
        return sum(s.rows < self.small for s in shards) > self.most


def maintain(writer: Writer, snapshot: Snapshot, policy: CompactionPolicy) -> Manifest:
    """Compact or merge the generation of `snapshot` if the policy wants it. Returns the present manifest."""
    present = snapshot.manifest
    rows = present.next_row - present.base
    if policy.wants_compaction(rows, rows - snapshot.passages_total):
        return compact(writer, snapshot)
    return merge_small_shards(writer, snapshot, policy)


def compact(
    writer: Writer,
    snapshot: Snapshot,
    catalog: Catalog | None = None,
    lost: Container[int] = frozenset(),
) -> Manifest:
    """Rewrite the living rows under new row ids and drop the dead ones, as one commit.

    `catalog`: the documents to keep; default all of the snapshot. `lost`: first rows of shards that cannot
    be read; no kept document may point into them.
    """
    old = snapshot.manifest
    catalog = snapshot.catalog if catalog is None else catalog
    live = live_mask(*catalog.pointers(), old.base, old.next_row)
    if live is None:
        return old
    for table in live_tables(snapshot, live, lost):
        writer.append_table(table)
    return writer.commit_rewritten(renumbered(catalog, live, old.base, old.next_row))


def live_tables(
    snapshot: Snapshot, live: npt.NDArray[np.bool_] | None, lost: Container[int] = frozenset()
) -> Iterator[Any]:
    """Living rows as tables of all columns, one per row group.

    `live`: bool over the rows from the base on, None if all live. `lost`: first rows of shards to skip.
    """
    for shard in snapshot.shards:
        if shard.first in lost:
            continue
        at = shard.first - snapshot.manifest.base
        for table in shard.batches(COLUMNS):
            if live is not None:
                mask = live[at : at + table.num_rows]
                at += table.num_rows
                table = filtered(table, mask)
            if table.num_rows:
                yield table


def renumbered(
    catalog: Catalog, live: npt.NDArray[np.bool_] | None, base: int, new_base: int
) -> Catalog:
    """Point a catalog at its rows after compaction, where the first living row becomes `new_base`."""
    import numpy as np

    first, rows = catalog.pointers()
    offset = first - base
    if live is not None and len(live):
        rank = np.cumsum(live) - 1
        offset = rank[np.clip(offset, 0, len(live) - 1)]
    moved: Rows = np.where(rows > 0, new_base + offset, new_base)
    return catalog.with_rows(moved)


def merge_small_shards(writer: Writer, snapshot: Snapshot, policy: CompactionPolicy) -> Manifest:
    """Join neighbouring small shards if the policy wants it, as one commit; row ids stay."""
    old = snapshot.manifest
    if not policy.wants_merging(old.shards):
        return old
    shards: list[Shard] = []
    group: list[Shard] = []
    for shard in (*old.shards, None):
        if shard is not None and shard.rows < policy.small:
            group.append(shard)
            continue
        shards += [_merged(writer, snapshot, group)] if len(group) > 1 else group
        group = []
        if shard is not None:
            shards.append(shard)
    return writer.commit_shards(snapshot.catalog, shards)


def _merged(writer: Writer, snapshot: Snapshot, group: Sequence[Shard]) -> Shard:
    starts = {s.first for s in group}
    tables = (
        table
        for shard in snapshot.shards
        if shard.first in starts
        for table in shard.batches(COLUMNS)
    )
    return writer.write_shard(group[0].first, tables)
