"""Writer of the lexical index: rows are appended in segments and visible after `commit`.

Files of a killed writer are either complete, or not named by `meta.json` and removed by the next commit.
A writer is told up to which row the index is valid, and deletes later rows in its commit.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.search.lexical.files import check, writing_errors
from qembed.search.lexical.kmers import passage_terms

if TYPE_CHECKING:
    from qembed.sequences.recipe import SequenceRecipe
    from qembed.types import Rows

BUFFER_BYTES = 64 << 20
"""Bytes of terms in memory before they are written as a segment."""
TOKENIZER = "between-spaces"


def _analyzer() -> Any:
    import tantivy

    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def _schema() -> Any:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("row", stored=False, indexed=True, fast=True)
    builder.add_text_field("words", tokenizer_name=TOKENIZER, index_option="position")
    builder.add_text_field("characters", tokenizer_name=TOKENIZER, index_option="freq")
    return builder.build()


class LexicalWriter:
    """Writer for the index in the folder `path`, which need not exist. One writer at a time.

    `upto`: the index is valid up to this row; None replaces it by an empty one. `sequences`: passages are
    sequences, whose terms are k-mers; None for texts. A context manager: leaving
    it without `commit` changes nothing.
    """

    def __init__(
        self, path: Path, upto: int | None = None, sequences: SequenceRecipe | None = None
    ) -> None:
        import tantivy

        self.path = path
        self._sequences = sequences
        self.rows = 0
        if upto is None:
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(parents=True)
        else:
            check(path, sums=False)
        with writing_errors(path):
            index = tantivy.Index(_schema(), path=str(path), reuse=upto is not None)
            index.register_tokenizer(TOKENIZER, _analyzer())
            self._writer: Any = index.writer(
                BUFFER_BYTES, 1
            )  # one thread: the same segments every time
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
        """Add passages under new rows; a title counts as the first words of its passage."""
        import tantivy

        for row, title, text in zip(rows, titles, texts, strict=True):
            terms, characters = passage_terms(title, text, self._sequences)
            document = tantivy.Document()
            document.add_unsigned("row", int(row))
            document.add_text("words", " ".join(terms))
            if characters:
                document.add_text("characters", " ".join(characters))
            with writing_errors(self.path):
                self._writer.add_document(document)
            self.rows += 1

    def commit(self) -> None:
        """Make the added rows durable, and visible to readers that open the index from now on."""
        with writing_errors(self.path):
            self._writer.commit()
            self._writer.wait_merging_threads()  # ends the writer
            self._writer = None
        mode = self.path.stat().st_mode & 0o666
        for name in ("meta.json", ".managed.json"):  # made readable by their owner only
            (self.path / name).chmod(mode)

    def close(self) -> None:
        """Release the folder; rows that were not committed are dropped."""
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with writing_errors(self.path):
                writer.rollback()
                writer.wait_merging_threads()
