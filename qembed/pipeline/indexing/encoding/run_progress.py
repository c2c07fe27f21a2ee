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

    Those whose vectors are looked up are none of them: they would make its rate look high. How many the
    encoder will get is estimated: those so far, in proportion to the files' bytes. `files`, `total_bytes`: of
    the files to read.
    """

    def __init__(self, progress: Progress, files: int = 0, total_bytes: int = 0) -> None:
        self.stop = progress.stop
        self._progress = progress
        self._total_bytes = total_bytes
        self._read_bytes = self._parsed_bytes = self._passages = self._known = self._ahead = 0
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

    def come_again(self, passages: int) -> None:
        """Take note that passages that were encoded will be looked up, too, and not counted twice."""
        self._ahead += passages

    def known(self, passages: int) -> None:
        """Count passages whose vectors were looked up."""
        again = min(passages, self._ahead)
        self._ahead -= again
        self._known += passages - again
        if self._is_encoding:
            self._expect()

    def encoded(self, passages: int) -> None:
        """Count passages that the encoder gave a vector; 0 when it begins."""
        if not self._is_encoding:
            self._is_encoding = True
            self._progress.phase("encode", "passages", None)
        self._expect()
        if passages:
            self._progress.advance(passages)

    @property
    def passages(self) -> int:
        """Number of passages so far, known ones too."""
        return self._passages

    def expected(self) -> int:
        """Number of passages that the run will have, known ones too, as far as can be told."""
        return self._projected(self._passages)

    def _projected(self, so_far: int) -> int:
        # parsed: of a file that is still being read
        seen = max(self._read_bytes, self._parsed_bytes)
        return int(so_far * self._total_bytes / seen) if 0 < seen < self._total_bytes else so_far

    def _expect(self) -> None:
        total = self._projected(self._passages - self._known)
        if total > 0:
            self._progress.expect(total)
