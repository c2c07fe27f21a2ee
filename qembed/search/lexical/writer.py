"""Writes the lexical index: rows are appended in segments, and nothing is seen before `commit`.

What a killed writer left is either not named by `meta.json`, and swept by the next commit, or whole. A
writer is told up to which row the index is good and takes out what lies beyond, in the same commit.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.lexical.analyzer import characters_of, terms_of
from qembed.search.lexical.files import check, damage

if TYPE_CHECKING:
    from qembed.types import Rows

MEMORY = 64 << 20
"""Bytes of terms held before they become a segment."""
SPACES = "between-spaces"


def _analyzer() -> Any:
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=False, indexed=True, fast=True)
    builder.add_text_field("words", tokenizer_name=SPACES, index_option="position")
    builder.add_text_field("characters", tokenizer_name=SPACES, index_option="freq")
    return builder.build()


class LexicalWriter:
    """Appends passages to the index in the folder `path`, which need not exist. One writer at a time.

    `upto`: the index is good up to this row; None starts an empty one in place of what is there.
    A context manager: leaving it without `commit` changes nothing.
    """

    def __init__(self, path: Path, upto: int | None = None) -> None:
        import tantivy

        self.path = path
        self.rows = 0
        if upto is None:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        else:
            check(path, sums=False)
        with damage(path):
            index = tantivy.Index(_schema(), path=str(path), reuse=upto is not None)
            index.register_tokenizer(SPACES, _analyzer())
            self._writer: Any = index.writer(MEMORY, 1)  # one thread: the same segments every time
            if upto is not None:
                beyond = tantivy.Query.range_query(
                    index.schema, "row", tantivy.FieldType.Unsigned, lower_bound=upto
                )
                self._writer.delete_documents_by_query(beyond)

    def __enter__(self) -> LexicalWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, rows: Rows | Sequence[int], titles: Sequence[str], texts: Sequence[str]) -> None:
        """Adds passages; a title counts as the first words of its passage. Rows must be new."""
        import tantivy

        for row, title, text in zip(rows, titles, texts, strict=True):
            whole = f"{title}\n{text}" if title and not text.startswith(title) else text
            document = tantivy.Document()
            document.add_unsigned("row", int(row))
            document.add_text("words", " ".join(terms_of(whole)))
            if characters := characters_of(whole):
                document.add_text("characters", " ".join(characters))
            with damage(self.path):
                self._writer.add_document(document)
            self.rows += 1

    def commit(self) -> None:
        """Makes everything added durable and visible to who opens the index from now on."""
        with damage(self.path):
            self._writer.commit()
            self._writer.wait_merging_threads()  # this ends the writer
            self._writer = None
        mode = self.path.stat().st_mode & 0o666
        for name in ("meta.json", ".managed.json"):  # written for their owner's eyes only
            (self.path / name).chmod(mode)

    def close(self) -> None:
        """Gives the folder back; what was not committed is dropped."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with damage(self.path):
                writer.rollback()
                writer.wait_merging_threads()
