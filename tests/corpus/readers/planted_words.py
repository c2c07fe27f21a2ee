"""Trees of wrappers with a word of its own at each leaf, and the words that a reader has to find of it."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import strategies as st

from qembed.corpus.readers.converted import Converter, Omitted, Text

Tree = str | tuple[int, list["Tree"]]
"""`seen` or `gone`, or the number of a wrapper and what is in it."""


def trees(kinds: int) -> st.SearchStrategy[list[Tree]]:
    leaves = st.sampled_from(["seen", "seen", "seen", "gone"])
    inner = st.recursive(
        leaves,
        lambda x: st.tuples(st.integers(0, kinds - 1), st.lists(x, min_size=1, max_size=3)),
        max_leaves=12,
    )
    return st.lists(inner, min_size=1, max_size=4)


class Words:
    """Words that are all different: `seen1`, `gone2`."""

    def __init__(self) -> None:
        self.made: Counter[str] = Counter()

    def next(self, kind: str) -> str:
        self.made[kind] += 1
        return f"{kind}{self.made[kind]}"


def check(found: str, words: Words) -> None:
    counted = Counter(re.findall(r"(?:seen|gone)\d+", found))
    assert counted == {f"seen{n}": 1 for n in range(1, words.made["seen"] + 1)}


def converted(reader: Converter, data: bytes) -> tuple[str, str]:
    """All texts, and all names of what was left out."""
    items = list(reader(data))
    texts = "\n".join(item.text for item in items if isinstance(item, Text))
    return texts, "\n".join(item.what for item in items if isinstance(item, Omitted))
