"""Comparison of the sources' files with the digests of the documents that were made of them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from qembed.corpus import read
from qembed.pipeline.indexing.sources import STDIN, read_options
from qembed.store import Snapshot
from qembed.store.integrity import Finding
from qembed.types import Document, SourceFile, Unreadable

MEND = "qembed index --verify-content"


def check_sources(snapshot: Snapshot) -> Iterator[Finding]:
    """Finding for files that no longer give the documents that the index has of them.

    Files that are gone or cannot be read are not compared.
    """
    catalog = snapshot.catalog.grouped()
    sources = {s.path: s for s in snapshot.manifest.sources if s.path != STDIN}
    changed = []
    for (path, name), state in catalog.files().items():
        source = sources.get(path)
        if source is None:
            continue
        full = Path(os.path.normpath(snapshot.root.parent / path))
        location = full if full.is_file() else full / name
        try:
            info = location.stat()
        except OSError:
            continue
        file = SourceFile(path, name, str(location), info.st_size, info.st_mtime_ns)
        found: Counter[bytes] = Counter()
        is_whole = True
        for item in read(file, read_options(source)):
            if isinstance(item, Document):
                meta = {**source.meta, **item.meta}
                document = Document(item.id, item.text, item.title, meta, item.line, item.start)
                found[document.digest] += 1
            else:
                is_whole = is_whole and not isinstance(item, Unreadable)
        known = Counter(catalog.digests(list(range(state.start, state.stop))))
        if is_whole and found != known:
            changed.append(name)
    if changed:
        what = "1 file has" if len(changed) == 1 else f"{len(changed):,} files have"
        yield Finding("sources", f"{what} other content than when indexed", MEND, tuple(changed))
