"""Files that an index is made of, which no export may replace."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from qembed.errors import UsageError
from qembed.pipeline.source_options import STDIN
from qembed.store import Snapshot


def refuse_sources(snapshot: Snapshot, files: Sequence[Path]) -> None:
    """Raise UsageError for those of the files that documents of the index were read from."""
    there = [path for path in files if path.exists()]
    if not there:
        return
    sources = {s.path: snapshot.root.parent / s.path for s in snapshot.manifest.sources}
    sources.pop(STDIN, None)
    known = snapshot.catalog.grouped().files()
    wrong = []
    for path in there:
        real = Path(os.path.realpath(path))
        for source, place in sources.items():
            folder = Path(os.path.realpath(place))
            is_inside = folder in real.parents
            if folder == real or (is_inside and (source, str(real.relative_to(folder))) in known):
                wrong.append(f"{path} is a file that the index is made of: write another one")
                break
    if wrong:
        raise UsageError("\n  ".join(wrong))
