"""Lexical index of an index: extended after a commit, opened for a search."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.pipeline.progress import Progress
from qembed.search.lexical import VERSION
from qembed.search.lexical.files import LexicalIndexDamaged, check
from qembed.sequences.recipe import sequence_recipe
from qembed.store import Manifest, Snapshot
from qembed.store import derived_files as files

if TYPE_CHECKING:
    from qembed.search.lexical.bm25 import LexicalIndex
    from qembed.types import Rows

_ANALYZER = "analyzer"
"""Key of the analyzer's version in the index's stamp; absent for version 1."""


def extend_lexical(snapshot: Snapshot, progress: Progress) -> None:
    """Add the living rows that the lexical index lacks.

    A damaged index is rebuilt, and so is one made by another version of the analyzer. All of a small index
    is checked, of a larger one what opening it takes.
    """
    root, manifest = snapshot.root, snapshot.manifest
    stamp = files.current(root, manifest, files.LEXICAL)
    if stamp is not None and stamp.extra.get(_ANALYZER, 1) != VERSION:
        stamp = None
    try:
        if stamp is not None:
            check((root / stamp.file).parent, sums=stamp.bytes <= files.CHECKED_BYTES)
        if stamp is not None and stamp.upto == manifest.next_row:
            return
        _add(snapshot, stamp, progress)
    except LexicalIndexDamaged:
        progress.say("the lexical index was damaged: it is made anew")
        _add(snapshot, None, progress)


def _add(snapshot: Snapshot, stamp: files.Stamp | None, progress: Progress) -> None:
    from qembed.search.lexical.writer import LexicalWriter

    root, manifest = snapshot.root, snapshot.manifest
    if stamp is None:
        folder = files.new_path(root, manifest, files.LEXICAL).with_suffix("")
        upto = manifest.base
    else:
        folder, upto = (root / stamp.file).parent, stamp.upto
    progress.phase("words", "passages", manifest.next_row - upto)
    sequences = sequence_recipe(manifest.recipe.chunker)
    with LexicalWriter(folder, None if stamp is None else upto, sequences) as writer:
        for rows, texts in _living(snapshot, upto):
            if progress.stop():
                return  # without a commit: the index keeps the rows it had
            writer.add(rows, snapshot.titles_of(rows), texts)
            progress.advance(len(rows))
        writer.commit()
    meta, extra = folder / "meta.json", {_ANALYZER: VERSION}
    files.seal_folder(root, manifest, files.LEXICAL, meta, manifest.next_row, extra)


def _living(snapshot: Snapshot, start: int) -> Iterator[tuple[Rows, list[str]]]:
    """Yield (row ids, texts) of the living rows from `start` on."""
    import numpy as np

    base, live = snapshot.manifest.base, snapshot.live
    for first, texts in snapshot.text_batches(start):
        rows = np.arange(first, first + len(texts), dtype=np.int64)
        if live is not None:
            alive = live[rows - base]
            texts = [t for t, keep in zip(texts, alive.tolist(), strict=True) if keep]
            rows = rows[alive]
        if len(rows):
            yield rows, texts


def open_lexical(root: Path, manifest: Manifest) -> tuple[LexicalIndex, int] | None:
    """Open the lexical index. Returns it and the row up to which it goes; None if it is absent or damaged.

    A writer may have extended it since the manifest was read: a search leaves out the rows from then on.
    """
    stamp = files.current(root, manifest, files.LEXICAL, later=True)
    if stamp is None:
        return None
    from qembed.search.lexical.bm25 import LexicalIndex

    folder = (root / stamp.file).parent
    try:
        return LexicalIndex.open(folder, sums=stamp.bytes <= files.CHECKED_BYTES), stamp.upto
    except LexicalIndexDamaged:
        files.mark_damaged(root, stamp)  # the next writer rebuilds it
        return None


def mark_lexical_damaged(root: Path, manifest: Manifest) -> None:
    """Note that the lexical index failed in a search: the next writer makes it anew."""
    if (stamp := files.current(root, manifest, files.LEXICAL, later=True)) is not None:
        files.mark_damaged(root, stamp)


def is_lexical_published(root: Path, manifest: Manifest) -> bool:
    """True if there is a lexical index, be it damaged."""
    return files.published(root, manifest, files.LEXICAL, later=True) is not None


def lexical_damage(root: Path, manifest: Manifest, *, sums: bool = True) -> str | None:
    """Check every file of the lexical index. Returns what is damaged; None for nothing and for no index.

    `sums`: the contents too, not only what is missing or cut off.
    """
    stamp = files.current(root, manifest, files.LEXICAL)
    if stamp is None:
        return None
    try:
        check((root / stamp.file).parent, sums)
    except LexicalIndexDamaged as e:
        return str(e)
    return None
