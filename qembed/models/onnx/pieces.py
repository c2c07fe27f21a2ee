"""Unigram tokenizer whose vocabulary stays on disk, for few and short texts.

A vocabulary of 250,000 pieces takes .7 s and 280 MiB to load, more than all else in a cold query. The
segmentation of a text depends only on the pieces that occur in it: these are looked up in mapped files, and
a `tokenizers.Tokenizer` with just them gives the same tokens.

    pieces.json         the tokenizer with the vocabulary KEPT: what its other parts need by id
    pieces.keys.npy     uint64 (pieces,): key of each piece's text, ascending
    pieces.entries.npy  ENTRY (pieces,), in that order
    pieces.texts        UTF-8 of all pieces
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Keys = npt.NDArray[np.uint64]

SHELL, KEYS, ENTRIES, TEXTS = "pieces.json", "pieces.keys.npy", "pieces.entries.npy", "pieces.texts"
ENTRY = [("id", "<i4"), ("score", "<f8"), ("start", "<u4"), ("bytes", "<u4")]
"""Piece: its id, its score (log probability), and the place of its text."""
_BASE = 0x9E3779B97F4A7C15
_MIX = 0xD6E8FEB86659FD93
_INVERSE = pow(_BASE, -1, 1 << 64)
BREAK = "\0"
"""Character between the words that are looked up together."""


class Tokens(NamedTuple):
    """Tokens of a text after truncation; `overflowing`: pieces of the rest, with special tokens each."""

    ids: list[int]
    overflowing: list[Any]


class PieceTokenizer:
    """Tokenizer of the files in an export's folder, truncating at `max_tokens`. Thread-safe.

    `kept`: ids of KEPT in order; `longest`: characters in the longest piece; `apart`: texts of added tokens,
    which are tokens wherever they occur. Raises OSError, ValueError and others for broken files.
    """

    def __init__(
        self, folder: Path, max_tokens: int, kept: list[int], longest: int, apart: list[str]
    ) -> None:
        import json

        import numpy as np
        from tokenizers import Tokenizer

        shell = (folder / SHELL).read_text("utf-8")
        model = json.loads(shell[: shell.index("\n")])
        self._tokenizer = Tokenizer.from_str(shell[shell.index("\n") :])
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self._kept = [(str(text), float(score)) for text, score in model["vocab"]]
        self._unknown, self._bytes = model["unk_id"], bool(model.get("byte_fallback"))
        self._kept_ids, self._apart, self.longest = kept, apart, longest
        # plain arrays over the mapping: numpy.memmap takes a microsecond more for each slice
        self._keys: Keys = np.asarray(np.load(folder / KEYS, mmap_mode="r"))
        self._entries = np.asarray(np.load(folder / ENTRIES, mmap_mode="r"))
        self._texts = np.memmap(folder / TEXTS, dtype=np.uint8, mode="r").data
        self._guard = threading.Lock()

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """Special tokens that are put around a text."""
        return int(self._tokenizer.num_special_tokens_to_add(is_pair))

    def encode(self, texts: Sequence[str]) -> list[Tokens] | None:
        """Tokens of the texts; None if one holds an added token, which only the whole tokenizer splits."""
        if any(self.holds_added(text) for text in texts):
            return None
        with self._guard:  # the tokenizer's model is replaced
            found = self.occurring({word for text in texts for word in self.words(text)})
            ids = [*self._kept_ids, *(number for number, _ in found.values())]
            self._tokenizer.model = self.model(found)
            encoded = [self._tokenizer.encode(text) for text in texts]
        return [Tokens([ids[i] for i in e.ids], e.overflowing) for e in encoded]

    def holds_added(self, text: str) -> bool:
        """True if an added token occurs in a text."""
        return any(token in text for token in self._apart)

    def words(self, text: str) -> list[str]:
        """Stretches of a text, normalised, that are segmented by themselves."""
        normalizer, splitter = self._tokenizer.normalizer, self._tokenizer.pre_tokenizer
        plain = text if normalizer is None else normalizer.normalize_str(text)
        if splitter is None:
            return [plain]
        return [word for word, _ in splitter.pre_tokenize_str(plain)]

    def occurring(self, words: Iterable[str]) -> dict[str, tuple[int, float]]:
        """Text -> (id, score) of all pieces that occur in the words, but for those kept anyway."""
        known = {text for text, _ in self._kept}
        found: dict[str, tuple[int, float]] = {}
        line = BREAK.join(words)
        for places, starts, length in self._matches(line):
            entries = self._entries[places].tolist()
            for (number, score, at, size), start in zip(entries, starts.tolist(), strict=True):
                text = line[start : start + length]
                # another text may have the same key
                if text not in known and self._texts[at : at + size] == text.encode():
                    found[text] = (number, score)
        return found

    def model(self, pieces: Mapping[str, tuple[int, float]]) -> Any:
        """`tokenizers.models.Unigram` of KEPT and `occurring`'s pieces, numbered in this order."""
        from tokenizers.models import Unigram

        vocabulary = [*self._kept, *((text, score) for text, (_, score) in pieces.items())]
        return Unigram(vocabulary, self._unknown, self._bytes)

    def _matches(self, line: str) -> Iterator[tuple[Any, Any, int]]:
        """(places in the table, positions in the line, length) of stretches that may be pieces."""
        import numpy as np

        for length, keys in stretch_keys(line, self.longest):
            keys, first = np.unique(keys, return_index=True)
            places = np.searchsorted(self._keys, keys)
            places[places == len(self._keys)] = 0
            hit = self._keys[places] == keys
            yield places[hit], first[hit], length


def stretch_keys(line: str, longest: int) -> Iterator[tuple[int, Keys]]:
    """(length, keys of all stretches of that length by position) for lengths from 1 to `longest`."""
    import numpy as np

    codes = np.frombuffer(line.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    codes = (codes + np.uint64(1)) * np.uint64(_MIX)
    codes ^= codes >> np.uint64(29)
    n = len(codes)
    # wraps around at 2**64: a polynomial of the characters, divided by its first power
    powers, inverse = (np.full(n + 1, base, dtype=np.uint64) for base in (_BASE, _INVERSE))
    powers[0] = inverse[0] = 1
    powers, inverse = np.cumprod(powers), np.cumprod(inverse)
    sums = np.zeros(n + 1, dtype=np.uint64)
    np.cumsum(codes * powers[:-1], out=sums[1:])
    for length in range(1, min(longest, n) + 1):
        yield length, (sums[length:] - sums[:-length]) * inverse[: n + 1 - length]
