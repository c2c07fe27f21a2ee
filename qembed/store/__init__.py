"""What is on disk: shards of passages and vectors, the catalog of documents, the manifest over both.

manifest   which files are the index now          writer     lock, append, commit, compact, sweep
shards     passages and vectors in Parquet        snapshot   one generation opened for reading
catalog    documents and the rows they point at   derived    what only saves time
files      durable writing, checksums
"""

from typing import TYPE_CHECKING, Any

from qembed.store.catalog import Catalog, CatalogEntry, FileState
from qembed.store.manifest import Manifest, Source
from qembed.store.shards import text_hash
from qembed.store.snapshot import Snapshot

if TYPE_CHECKING:
    from qembed.store.writer import Writer

__all__ = [
    "Catalog",
    "FileState",
    "CatalogEntry",
    "Manifest",
    "Snapshot",
    "Source",
    "Writer",
    "text_hash",
]


def __getattr__(name: str) -> Any:
    if name == "Writer":  # a query needs none
        from qembed.store.writer import Writer

        return Writer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
