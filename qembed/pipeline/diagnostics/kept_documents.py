"""Documents kept under a source that has ceded their files to a nested one, which cannot read them."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

from qembed.errors import IndexDamaged
from qembed.pipeline.indexing.deletion.ownership import FileOwners
from qembed.pipeline.source_options import STDIN
from qembed.store import Snapshot
from qembed.store.manifest import Manifest


def kept_documents(root: Path, manifest: Manifest) -> list[dict[str, Any]]:
    """Numbers of such documents, by `source` and `owner`. Reads the catalog if the last run had failures."""
    places = {
        s.path: Path(os.path.normpath(root.parent / s.path))
        for s in manifest.sources
        if s.path != STDIN
    }
    if len(places) < 2 or not manifest.failed:
        return []
    try:
        with Snapshot.of(root, manifest) as snapshot:
            files = snapshot.catalog.grouped().files()
    except (OSError, IndexDamaged):  # verify says so
        return []
    owners, found = FileOwners(places), Counter[tuple[str, str]]()
    for key, state in files.items():
        if key[0] in places and (owner := owners.key(key)) != key:
            found[key[0], owner[0]] += state.stop - state.start
    return [
        {"source": source, "owner": owner, "documents": n} for (source, owner), n in found.items()
    ]
