"""Index directory: shards of passages and vectors, the catalog of documents, the manifest of both.

manifest        names the files of a generation          writer         lock, append, commit, sweep
shards          passages and vectors in Parquet          compaction     dropping dead rows, merging shards
catalog         documents and the rows they point at     truncate_dims  fewer dimensions without encoding
documents_file  the catalog in Parquet                   snapshot       one generation opened for reading
metadata/       typed columns of metadata, for filters   integrity      checks; repair
derived_files   graph, lexical index, others            hash_index     maps of ids and text hashes
durable_files   writing, syncing, checksums              arrow          conversion to and from numpy
index_folder    names in the folder, its lock            vector_files/   all vectors, and their codes
damage/         what a refresh notices of it
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
    if name == "Writer":  # not imported by queries
        from qembed.store.writer import Writer

        return Writer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
