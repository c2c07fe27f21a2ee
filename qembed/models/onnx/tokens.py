"""Tokens of texts by an export's tokenizer, whose vocabulary stays on disk if it is large."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from qembed.models.environment import cores_shared
from qembed.models.onnx.cache import Export, ExportDamaged
from qembed.models.onnx.session import load_tokenizer

if TYPE_CHECKING:
    from qembed.models.onnx.piece_counts import PieceCounter
    from qembed.models.onnx.pieces import PieceTokenizer

FEW_CHARS = 1000
"""Characters that one thread tokenizes sooner than several threads start."""
SLICE_CHARS = 20_000
"""Characters for which pieces are looked up at a time."""


class ExportTokenizer:
    """Tokenizer of an export, truncating at `max_tokens`, not padding. Thread-safe.

    A large vocabulary is looked up by pieces, at a hundredth of an encoder's time. A server loads it whole,
    and so does a text with added tokens in it. Tokens are the same. Raises ExportDamaged for broken files.
    """

    def __init__(self, export: Export, max_tokens: int) -> None:
        self._export = export
        self._max_tokens = max_tokens
        self._guard = threading.Lock()
        self._pieces = None if cores_shared() else open_pieces(export, max_tokens)
        self._whole: Any = None if self._pieces else load_tokenizer(export, max_tokens)
        self._counter: PieceCounter | None = None

    def encode(self, texts: Sequence[str]) -> list[Any]:
        """Tokens of each text: `ids`, and `overflowing` for what was cut off."""
        if self._pieces is None:
            return self._by_whole(texts)
        found: list[Any] = []
        for part in _slices(texts):
            tokens = self._pieces.encode(part)
            found += self._by_whole(part) if tokens is None else tokens
        return found

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before truncation, special tokens included."""
        if self._pieces is not None:
            from qembed.models.onnx.piece_counts import PieceCounter

            with self._guard:
                self._counter = self._counter or PieceCounter(self._pieces)
            counts = self._counter.count(texts)
            if counts is not None:
                return counts
        return self.lengths(self.encode(texts))

    def lengths(self, encoded: Sequence[Any]) -> list[int]:
        """Token counts before truncation: `overflowing` pieces have special tokens of their own."""
        known: Any = self._pieces or self._whole
        special = known.num_special_tokens_to_add(False)
        return [len(e.ids) + sum(len(o.ids) - special for o in e.overflowing) for e in encoded]

    def _by_whole(self, texts: Sequence[str]) -> list[Any]:
        with self._guard:
            if self._whole is None:
                self._whole = load_tokenizer(self._export, self._max_tokens)
        if sum(map(len, texts)) <= FEW_CHARS:
            return [self._whole.encode(t) for t in texts]
        encoded: list[Any] = self._whole.encode_batch_fast(list(texts))
        return encoded


def _slices(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in lists of at most SLICE_CHARS characters, or of one text."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > SLICE_CHARS:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


def open_pieces(export: Export, max_tokens: int) -> PieceTokenizer | None:
    """Tokenizer by pieces, None if the export has none. Raises ExportDamaged."""
    named = export.facts.get("pieces")
    if not named:
        return None
    from qembed.models.onnx.pieces import PieceTokenizer

    try:
        return PieceTokenizer(export.folder, max_tokens, **named)
    except Exception as e:  # tokenizers has no class of its own for it
        raise ExportDamaged(f"{export.folder}: {e}") from e
