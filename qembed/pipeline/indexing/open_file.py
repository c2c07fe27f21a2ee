"""State of a file while its documents are ingested."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from qembed.pipeline.indexing.document_ids import PreviousDocuments
from qembed.pipeline.indexing.plan import Key
from qembed.types import LeftOut, SourceFile


@dataclass(slots=True)
class OpenFile:
    """A file that is read: what it had before, and what was found so far.

    `mtime_ns`: the time to store. `is_broken`: some of it could not be read; `skipped`: why it was left out.
    """

    file: SourceFile
    previous: PreviousDocuments
    mtime_ns: int
    problems: int = 0
    is_broken: bool = False
    skipped: str = ""
    added: int = 0
    left_out: list[LeftOut] = field(default_factory=list)

    @property
    def key(self) -> Key:
        """Key of the file."""
        return self.file.source, self.file.name

    @property
    def path(self) -> str:
        """Full path of the file."""
        return os.fspath(self.file.location)
