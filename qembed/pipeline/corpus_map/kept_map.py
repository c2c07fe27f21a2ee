"""Map that is kept with the derived files of its generation: made by `qembed map` or by a server.

The file's name says which index and generation it is of; a commit removes it, as all that is derived from an
earlier one. Readers write it, without the lock: it is complete or absent.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING

from qembed.errors import StorageError
from qembed.pipeline.corpus_map.compute import compute_map
from qembed.pipeline.corpus_map.corpus_map import CorpusMap
from qembed.store import derived_files
from qembed.store.durable_files import replace_file, storage_errors

if TYPE_CHECKING:
    from qembed.pipeline.corpus_map.request import MapRequest
    from qembed.pipeline.progress import Progress
    from qembed.pipeline.retrieval.session import Session
    from qembed.store import Manifest

LEVEL = 4
"""Compression: of 100,000 documents in half a second, to a third."""


def kept_bytes(root: Path, manifest: Manifest) -> bytes | None:
    """File of the map of a generation, JSON in gzip as `CorpusMap.to_compact` has it; None without one."""
    try:
        return derived_files.map_path(root, manifest).read_bytes()
    except OSError:
        return None


def open_map(root: Path, manifest: Manifest) -> CorpusMap | None:
    """Open the map that is kept of a generation; None if there is none or it cannot be read."""
    data = kept_bytes(root, manifest)
    if data is None:
        return None
    try:
        return CorpusMap.from_compact(json.loads(gzip.decompress(data)))
    except (OSError, EOFError, ValueError, KeyError, TypeError):
        return None


def pack_map(made: CorpusMap) -> bytes:
    """Content of the file of a map."""
    text = json.dumps(
        made.to_compact(), separators=(",", ":")
    )  # in ASCII: file names may be no UTF-8
    return gzip.compress(text.encode("ascii"), LEVEL, mtime=0)


def keep_map(root: Path, manifest: Manifest, data: bytes) -> None:
    """Keep the file of a map. Raises StorageError where the index cannot be written."""
    path = derived_files.map_path(root, manifest)
    with storage_errors(root):
        path.parent.mkdir(exist_ok=True)
        replace_file(root, f"{derived_files.FOLDER}/{path.name}", data)


def make_map(session: Session, request: MapRequest, progress: Progress) -> CorpusMap:
    """Take the map that is kept of a session's generation if it has the request's settings, else make it.

    One of all documents is kept, unless the index cannot be written. Raises as `compute_map`.
    """
    root, manifest = session.root, session.snapshot.manifest
    kept = open_map(root, manifest)
    if kept is not None and kept.settings == request.settings:
        return kept
    made = compute_map(session, request, progress)
    if request.by == "document" and not request.where:
        try:
            keep_map(root, manifest, pack_map(made))
        except StorageError as e:
            progress.say(f"the map is not kept: {e}")
    return made
