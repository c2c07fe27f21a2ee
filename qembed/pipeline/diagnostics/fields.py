"""`qembed status --fields`: the metadata fields of an index, as filters can use them."""

from __future__ import annotations

from pathlib import Path

from qembed.pipeline.filters import documents_of
from qembed.search.filters.field_values import VALUES_SHOWN as VALUES_SHOWN
from qembed.search.filters.field_values import FieldSummary as FieldSummary
from qembed.search.filters.field_values import literal as literal
from qembed.search.filters.field_values import long_texts as long_texts
from qembed.search.filters.field_values import summarize_fields
from qembed.store import Snapshot


def describe_fields(root: Path) -> list[FieldSummary]:
    """Summaries of the fields of the index at `root`. Reads all metadata. Raises NoIndex, IndexDamaged."""
    with Snapshot.open(root) as snapshot:
        return summarize_fields(documents_of(snapshot.catalog, root.parent))
