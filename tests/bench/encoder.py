"""Vectors of real words, fast: the mean of the embedded model's token embeddings, as `static:`.

    --model py:tests.bench.encoder:static

No transformer runs, so that a million passages are encoded in minutes and what is measured is everything
around the encoder. Texts that share words are near, as they are for a real model. The texts are real too:
what is written in the Python installation that runs this.
"""

from __future__ import annotations

import os
import re
import sysconfig
import zlib
from collections.abc import Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from qembed.models.builtin.source import builtin_folder

WORD = re.compile(r"\w+")
FIRST_WORD = 1996
"""The token of the most frequent word: `the`."""
KNOWN = 50_000
"""Words whose tokens are remembered, at most: those of a million texts would take .3 GB."""
TABLE = "embeddings.word_embeddings.weight"


class Static:
    """float32 (n, 384). Nothing is loaded before the first text comes."""

    name = "static-minilm"
    dim = 384
    max_tokens = 256
    version = "1"

    def __init__(self) -> None:
        self._known: dict[str, list[int]] = {}

    @cached_property
    def _table(self) -> np.ndarray:
        from safetensors import safe_open

        with safe_open(str(builtin_folder("minilm") / "model.safetensors"), "np") as f:
            table = f.get_tensor(TABLE).astype(np.float32)
        table -= table.mean(axis=0)  # without what all words have in common
        # frequent words say little: smoothed inverse frequency, with Zipf's law over the vocabulary's order
        rank = np.maximum(np.arange(len(table)) - FIRST_WORD, 0) + 1.0
        table *= (1e-3 / (1e-3 + 0.1 / rank)).astype(np.float32)[:, None]
        return table

    @cached_property
    def _tokens(self) -> Any:
        from tokenizers import Tokenizer

        tokens = Tokenizer.from_file(str(builtin_folder("minilm") / "tokenizer.json"))
        tokens.no_padding()
        return tokens

    def _word(self, word: str) -> list[int]:
        """A word's tokens, remembered: texts repeat words."""
        found: list[int] = self._known.get(word, [])
        if not found:
            if len(self._known) >= KNOWN:
                self._known.clear()
            found = self._known[word] = self._tokens.encode(word, add_special_tokens=False).ids
        return found

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        if not len(texts):
            return np.zeros((0, self.dim), np.float32)
        table = self._table
        split = (WORD.findall(t.lower()) or ["the"] for t in texts)
        ids = [[i for w in found for i in self._word(w)] or [FIRST_WORD] for found in split]
        means = np.stack([table[i].sum(axis=0) for i in ids])
        lengths = np.linalg.norm(means, axis=1, keepdims=True)
        return (means / np.maximum(lengths, 1e-9)).astype(np.float32)

    def release(self) -> None:
        """Drops what the next text loads again."""
        self._known.clear()
        self.__dict__.pop("_table", None)
        self.__dict__.pop("_tokens", None)


def static() -> Static:
    """The encoder, for `py:tests.bench.encoder:static`."""
    return Static()


WINDOW = 24
"""Words of a text."""
HELD_OUT = 500
"""One text in so many is a query and never a passage."""


@lru_cache(maxsize=1)
def _windows() -> tuple[list[str], list[str]]:
    """(passages, queries): distinct windows of the installation's own files, in an order of no meaning."""
    paths = sysconfig.get_paths()
    seen: dict[int, str] = {}
    for base in dict.fromkeys((paths["stdlib"], paths["purelib"])):
        for folder, below, names in os.walk(base):
            if base == paths["stdlib"] and "site-packages" in below:
                below.remove("site-packages")
            for name in names:
                if not name.endswith((".py", ".pyi", ".md", ".rst", ".txt")):
                    continue
                try:
                    found = Path(folder, name).read_text("utf-8").split()
                except (OSError, UnicodeDecodeError):
                    continue
                for at in range(0, len(found) - WINDOW // 2, WINDOW):
                    text = " ".join(found[at : at + WINDOW])[:600]
                    seen.setdefault(zlib.crc32(text.encode()), text)
    order = sorted(seen)
    queries = [seen[h] for h in order if h % HELD_OUT == 0]
    return [seen[h] for h in order if h % HELD_OUT], queries


def real_texts(n: int, skip: int = 0) -> list[str]:
    """n distinct stretches of what is written in this Python installation: code, comments, documentation.

    Real text that is at hand wherever qembed is: 1.1 million stretches beside torch and transformers.
    """
    found = _windows()[0][skip : skip + n]
    if len(found) < n:
        raise SystemExit(f"{n:,} texts are wanted, this Python installation has {len(found):,}")
    return found


def text_stream(n: int, skip: int = 0) -> Iterator[str]:
    """As `real_texts` for any n: past the last stretch, the first half of one and the second of another."""
    found = _windows()[0]
    for i in range(skip, skip + n):
        turn, at = divmod(i, len(found))
        if not turn:
            yield found[at]
            continue
        # another partner each turn, and far away: stretches of one file do not lie side by side
        other = found[(at + turn * (len(found) // 61)) % len(found)]
        yield " ".join([*found[at].split()[: WINDOW // 2], *other.split()[-WINDOW // 2 :]])


def real_queries(n: int) -> list[str]:
    """n of the stretches that `real_texts` leaves out."""
    return _windows()[1][:n]
