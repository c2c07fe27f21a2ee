"""Passages of a document and the texts they are encoded as, by the index's recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from qembed.corpus import Chunker
from qembed.corpus.chunking.sequence_windows import SequenceChunker
from qembed.models import Model, passage_text
from qembed.pipeline.recipe import HEADINGS_RULE, OVERLAP_IN_SECTIONS
from qembed.sequences.recipe import sequence_recipe
from qembed.types import Document, Passage, Picture, Recipe


class PassageBuilder:
    """Chunks documents and renders their passages with title and headings, for one model and recipe."""

    def __init__(self, model: Model, recipe: Recipe) -> None:
        self._recipe = recipe
        self._sequences = sequence_recipe(recipe.chunker)
        self.chunker: Chunker | SequenceChunker
        if self._sequences is not None:
            self.chunker = SequenceChunker(
                self._sequences.alphabet,
                max_tokens=recipe.max_tokens,
                overlap=recipe.overlap,
                tokenizer=model.tokenizer(),
                count=lambda text: model.count([text])[0],
            )
            return
        self.chunker = Chunker(
            kind="none" if recipe.chunker == "none" else "auto",
            max_tokens=recipe.max_tokens,
            overlap=recipe.overlap,
            overlap_within="section" if recipe.version == OVERLAP_IN_SECTIONS else "paragraph",
            tokenizer=model.tokenizer(),
            count=lambda text: model.count([text])[0],
            render=self._render,
            labelled=recipe.title_rule == HEADINGS_RULE,
        )

    def _render(self, title: str, text: str, label: str) -> str:
        return passage_text(self._recipe.passage_text, self._recipe.title_rule, title, text, label)

    def passages(self, document: Document) -> list[Passage]:
        """Passages of a document, with offsets and lines counted from the beginning of its file.

        A picture has its caption as one, behind it those of the text that was read in it.
        """
        if document.picture is None:
            return shift_to_file_offsets(self.chunker.split(document), document)
        end = document.picture.caption
        text = document.text[:end]
        caption = Passage(document.id, 0, 0, len(text), text, 1, 1 + text.count("\n"))
        if end is None:
            return [caption]
        inside = replace(
            document, text=document.text[end:], start=end, line=caption.end_line, picture=None
        )
        found = shift_to_file_offsets(self.chunker.split(inside), inside)
        return [caption, *(replace(p, seq=p.seq + 1) for p in found)]

    def contents(self, document: Document, passages: Sequence[Passage]) -> Sequence[str | Picture]:
        """Text that is encoded for each passage; in the place of a picture's caption the picture."""
        if document.picture is None:
            return self.encoder_texts(document, passages)
        return [document.picture, *self.encoder_texts(document, passages[1:])]

    def encoder_texts(self, document: Document, passages: Sequence[Passage]) -> list[str]:
        """Text that is encoded for each passage of a text, or a sequence."""
        if self._sequences is not None:
            return [self._sequences.alphabet.written(p.text) for p in passages]
        title = self.chunker.fit_title(document.title)
        return [
            self._render(title, p.text, self.chunker.fit_label(title, p.label)) for p in passages
        ]


def shift_to_file_offsets(passages: list[Passage], document: Document) -> list[Passage]:
    """Shift the offsets of a document that is part of a long file by the part's place in the file."""
    if not document.start:
        return passages
    offset, lines = document.start, (document.line or 1) - 1
    return [
        replace(
            p,
            start=p.start + offset,
            end=p.end + offset,
            line=p.line + lines,
            end_line=p.end_line + lines,
        )
        for p in passages
    ]
