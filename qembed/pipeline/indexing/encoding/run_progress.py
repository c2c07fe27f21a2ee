"""Progress of an indexing run: files read until the encoder begins, then passages encoded."""

from __future__ import annotations

from qembed.pipeline.progress import Progress
from qembed.types import Document

PER_FIELD = 8
"""Bytes around a field's name and value in a file of records."""


def size_in_file(document: Document) -> int:
    """Bytes that a document takes in its file, about; of a record its other fields count too."""
    if document.line is None:
        return _bytes(document.text)
    fields = {"id": document.id, "title": document.title, "text": document.text, **document.meta}
    return sum(len(name) + _bytes(str(value)) + PER_FIELD for name, value in fields.items())


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class RunProgress:
    """Counts files, passages and bytes as they are read, and tells `progress` of what is encoded.

    How many passages there will be is estimated: those so far, in proportion to the files' bytes. Those that
    the index knew before the encoder began are none of them: they would make its rate look high. `files`,
    `total_bytes`: of the files to read.
    """

    def __init__(self, progress: Progress, files: int = 0, total_bytes: int = 0) -> None:
        self.stop = progress.stop
        self._progress = progress
        self._total_bytes = total_bytes
        self._read_bytes = self._parsed_bytes = self._passages = self._known = 0
        self._is_encoding = False
        if files:
            progress.phase("read", "files", files)

    def file_read(self, size: int) -> None:
        """Count a file of `size` bytes that has been read."""
        self._read_bytes += size
        if not self._is_encoding:
            self._progress.advance(1)

    def chunked(self, passages: int, size: int) -> None:
        """Count a document's passages and the bytes that it takes in its file."""
        self._passages += passages
        self._parsed_bytes += size

    def known(self, passages: int) -> None:
        """Count passages whose vectors were looked up."""
        if self._is_encoding:
            self.encoded(passages)
        else:
            self._known += passages

    def encoded(self, passages: int) -> None:
        """Count passages that the encoder gave a vector; 0 when it begins."""
        if not self._is_encoding:
            self._is_encoding = True
            self._progress.phase("encode", "passages", None)
        # parsed: of a file that is still being read
        seen = max(self._read_bytes, self._parsed_bytes)
        total = self._passages
        if 0 < seen < self._total_bytes:
            total = int(total * self._total_bytes / seen)
        if total > self._known:
            self._progress.expect(total - self._known)
        if passages:
            self._progress.advance(passages)
