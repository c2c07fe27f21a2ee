"""Derived files that lack rows which the last run should have added: it could not, or was stopped."""

from __future__ import annotations

from pathlib import Path

from qembed.pipeline.indexing.options import GraphPolicy
from qembed.store import Manifest
from qembed.store import derived_files as files
from qembed.store.vector_files.codes import codes_are_due
from qembed.store.vector_files.places import matrix_is_due


def lagging(root: Path, manifest: Manifest) -> dict[str, int]:
    """Rows that matrix, codes, word index and graph lack, of those that lack some; a graph may lack a few.

    Empty while a run has not come to its end: it writes them last. Damaged ones are none of these.
    """
    rows = manifest.next_row - manifest.base
    found: dict[str, int] = {}
    if manifest.unfinished:
        return found
    damaged = files.damaged(root, manifest)
    kinds = (files.MATRIX, files.CODES, files.LEXICAL, files.GRAPH)
    for kind in (k for k in kinds if k not in damaged):
        stamp = files.current(root, manifest, kind)
        covered = 0 if stamp is None else stamp.upto - stamp.base
        due = (
            GraphPolicy().is_due(rows, covered)
            if kind == files.GRAPH
            else kind == files.LEXICAL
            or (codes_are_due if kind == files.CODES else matrix_is_due)(root, manifest)
        )
        if covered < rows and due:
            found[kind] = rows - covered
    return found
