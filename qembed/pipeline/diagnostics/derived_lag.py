"""Derived files that lack rows which the last run should have added: it could not, or was stopped."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from qembed.pipeline.indexing.options import GraphPolicy
from qembed.store import Manifest
from qembed.store import derived_files as files
from qembed.store.vector_files.codes import codes_are_due
from qembed.store.vector_files.places import matrix_is_due


def lagging(root: Path, manifest: Manifest, damaged: Collection[str] = ()) -> dict[str, int]:
    """Rows that derived files lack, of those that lack some; a graph may lack a few.

    What is measured on a sample lacks all or none. Empty while a run has not come to its end: it writes them
    last. `damaged`: kinds that are none of these.
    """
    rows = manifest.next_row - manifest.base
    found: dict[str, int] = {}
    if manifest.unfinished or not manifest.counts.get("passages", 0):
        return found
    kinds = (files.MATRIX, files.CODES, files.LEXICAL, files.GRAPH, *files.MEASURED)
    for kind in (k for k in kinds if k not in damaged):
        stamp = files.current(root, manifest, kind)
        if stamp is not None and kind in files.MEASURED:
            continue
        covered = 0 if stamp is None else stamp.upto - stamp.base
        due = (
            GraphPolicy().is_due(rows, covered)
            if kind == files.GRAPH
            else kind in (files.LEXICAL, *files.MEASURED)
            or (codes_are_due if kind == files.CODES else matrix_is_due)(root, manifest)
        )
        if covered < rows and due:
            found[kind] = rows - covered
    return found
