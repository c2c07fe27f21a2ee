"""`export milvus --bulk`: a new collection filled by the server itself, of files in its object storage.

The files' names are hashes of their content: an export that failed finds those that it has written. They
stay in the folder. A collection whose import failed is dropped; where that too fails, its state says that a
job may go on, and the next export makes it anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qembed.engines.milvus.bulk_import import MAX_FILES, BulkImport, needs_bulk_import
from qembed.engines.milvus.collection import MilvusCollection
from qembed.engines.milvus.connection import MilvusConnection, needs_milvus
from qembed.engines.milvus.import_files import import_files
from qembed.engines.milvus.state import SUFFIX
from qembed.engines.shared_folder import SharedFolder, server_path
from qembed.errors import EngineError
from qembed.pipeline.progress import Progress


@dataclass(frozen=True, slots=True)
class BulkRequest:
    """Request of a bulk import. `folder`: a path or an address of fsspec, which the server sees too.

    `path`: the server's name of the folder, None to derive it. `wait`: seconds without progress before a
    job is given up.
    """

    folder: str
    path: str | None = None
    wait: float = 1800.0

    def check(self) -> None:
        """Raise UsageError for a folder without a name for the server, or where a client is missing."""
        needs_milvus()
        needs_bulk_import()
        server_path(self.folder, self.path)


class BulkExport:
    """Files and jobs of one export. Raises EngineError where the server has no bulk import."""

    def __init__(self, server: MilvusConnection, request: BulkRequest, progress: Progress) -> None:
        self.jobs = BulkImport(server)
        self.jobs.check()
        self.server = server
        self.request = request
        self.progress = progress
        self.folder = SharedFolder(
            request.folder, "--bulk", "milvus-bulk", "the files of an import"
        )
        self.names: list[str] = []

    def write(self, batches: Iterable[Sequence[Mapping[str, Any]]], schema: Any) -> None:
        """Write entities as files, those that are not there yet. Raises StorageError."""
        there = self.folder.names()
        found = 0
        for name, data in import_files(batches, schema):
            if name in there:
                found += 1
            else:
                self.folder.write(name, data)
            self.names.append(name)
        known = f", {found:,} of them were there" if found else ""
        self.progress.say(
            f"files for the import in {self.folder.place}: {len(self.names):,}{known}"
        )

    def load(self, target: MilvusCollection, number: int) -> None:
        """Import the files into an empty collection of `number` passages, and load it.

        Raises EngineError; the collection is then dropped, the files stay.
        """
        path = server_path(self.request.folder, self.request.path)
        self.progress.phase("import", "passages", number)
        try:
            for start in range(0, len(self.names), MAX_FILES):
                some = [path + name for name in self.names[start : start + MAX_FILES]]
                self._import(target, some, len(some) / len(self.names) * number)
            target.load()
        except EngineError as e:
            for name in (target.name, target.name + SUFFIX):
                with contextlib.suppress(EngineError):
                    MilvusCollection(self.server, name).drop()
            raise EngineError(
                f"{e}. The name stands for what it did; the files stay in {self.folder.place}, where the "
                "same command finds them again"
            ) from None

    def _import(self, target: MilvusCollection, files: Sequence[str], number: float) -> None:
        """Run a job of import, of about `number` passages."""
        told = 0

        def done(percent: int) -> None:
            nonlocal told
            reached = round(number * percent / 100)
            self.progress.advance(max(0, reached - told))
            told = max(told, reached)

        job = self.jobs.start(target.name, files)
        self.jobs.wait(job, target.name, self.request.wait, done)
