"""Truncation of the stored vectors to fewer dimensions, without encoding."""

from __future__ import annotations

from qembed.store.arrow import vectors_of
from qembed.store.compaction import live_tables, renumbered
from qembed.store.manifest import Manifest, pack_vectors, unpack_vectors
from qembed.store.snapshot import live_mask
from qembed.store.writer import Writer
from qembed.types import Recipe
from qembed.vectors import truncate


def truncate_index(writer: Writer, recipe: Recipe) -> Manifest:
    """Make a generation of `recipe.dim` dimensions from the living rows of the present one.

    Written beside the present generation, which answers until the switch; an interrupted one starts again
    from its beginning. Raises StorageError, IndexDamaged, and EncodingError for a vector that is zero in
    its first dimensions.
    """
    old = writer.present
    opened = writer.snapshot()
    assert opened is not None
    with opened as snapshot:
        writer.begin_rebuild(recipe, old.spec, resume=False)
        catalog = snapshot.catalog
        live = live_mask(*catalog.pointers(), old.base, old.next_row)
        for table in live_tables(snapshot, live):
            writer.append_table(table, truncate(vectors_of(table), recipe.dim))
        writer.commit(
            renumbered(catalog, live, old.base, writer.present.base),
            counts=old.counts,
            failed=old.failed,
            probes=_truncated_probes(old, recipe.dim),
        )
    return writer.finish_rebuild()


def _truncated_probes(old: Manifest, dim: int) -> dict[str, str]:
    return {
        name: pack_vectors(truncate(unpack_vectors(stored, old.recipe.dim), dim))
        for name, stored in old.probes.items()
    }
