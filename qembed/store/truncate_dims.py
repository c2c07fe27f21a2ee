"""Stored vectors to fewer dimensions, without encoding: cut, then brought back to length 1."""

from __future__ import annotations

from qembed.store.arrow import filtered
from qembed.store.catalog import live_mask
from qembed.store.manifest import Manifest, pack_vectors, unpack_vectors
from qembed.store.shards import COLUMNS, vectors_of
from qembed.store.writer import Writer
from qembed.types import Recipe
from qembed.vectors import truncate


def cut_index(writer: Writer, recipe: Recipe) -> Manifest:
    """Makes a generation of `recipe.dim` dimensions from the present one's living rows.

    Written beside the present generation, which answers until the switch; stopped on the way, it is begun
    anew the next time. Raises StorageError, IndexDamaged.
    """
    import numpy as np

    old = writer.manifest
    opened = writer.snapshot()
    assert old is not None
    assert opened is not None
    with opened as snapshot:
        writer.begin_rebuild(recipe, old.spec, anew=True)
        catalog = snapshot.catalog
        first, rows = catalog.pointers()
        live = live_mask(first, rows, old.base, old.next_row)
        at = 0
        for table in snapshot.tables(COLUMNS, old.base):
            mask = np.ones(table.num_rows, bool) if live is None else live[at : at + table.num_rows]
            at += table.num_rows
            if mask.any():
                kept = filtered(table, mask)
                writer.append_table(kept, truncate(vectors_of(kept), recipe.dim))
        everything = np.ones(old.next_row - old.base, bool) if live is None else live
        rank = np.cumsum(everything) - 1
        inside = np.clip(first - old.base, 0, max(len(rank) - 1, 0))
        assert writer.manifest is not None
        base = writer.manifest.base
        moved = np.where(rows > 0, base + rank[inside], base) if len(rank) else first * 0 + base
        writer.commit(
            catalog.with_rows(moved),
            counts=old.counts,
            failed=old.failed,
            probes=_probes(old, recipe.dim),
        )
    return writer.finish_rebuild()


def _probes(old: Manifest, dim: int) -> dict[str, str]:
    if "vectors" not in old.probes:
        return {}
    stored = unpack_vectors(old.probes["vectors"], old.recipe.dim)
    return {"vectors": pack_vectors(truncate(stored, dim))}
