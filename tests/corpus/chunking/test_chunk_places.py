"""Places of the splitter's chunks. Where its own `chunk_indices` answers, that is the oracle."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import MarkdownSplitter, TextSplitter

from qembed.corpus.chunking import chunk_places, text_splitter
from qembed.corpus.chunking.chunk_places import BLANKS, markdown_chunks, placed, text_chunks
from qembed.types import Document
from tests.corpus.chunking.texts import texts
from tests.corpus.counts import check, chunker

MARKS = [
    "x",
    "bc",
    "中",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\xa0",
    "\u2003",
    "- item",
    "# h\n",
    "|a|",
    "> q",
]


def words(text: str) -> int:
    return len(text.split())


@given(
    texts | st.lists(st.sampled_from(MARKS), max_size=20).map("".join),
    st.integers(1, 60),
    st.sampled_from([len, words]),
)
@settings(max_examples=300, deadline=None)
@pytest.mark.slow
def test_a_text_that_fits_is_the_chunk_that_the_splitter_makes(
    text: str, capacity: int, tokens: Callable[[str], int]
) -> None:
    splitter = TextSplitter.from_callback(tokens, capacity, capacity // 3)
    assert text_chunks(splitter, text, capacity, tokens) == splitter.chunk_indices(text)


def test_a_text_that_fits_is_counted_once() -> None:
    asked = []

    def tokens(text: str) -> int:
        asked.append(text)
        return len(text)

    splitter = TextSplitter.from_callback(tokens, 40)
    assert text_chunks(splitter, "\n One. Two.\n\nThree. ", 40, tokens) == [
        (2, "One. Two.\n\nThree.")
    ]
    assert asked == ["One. Two.\n\nThree."]
    assert text_chunks(splitter, " \n", 40, tokens) == []


def test_places_in_markdown_are_those_of_the_splitter() -> None:
    draw, found, unsure, whole = random.Random(3), 0, 0, 0
    for _ in range(4000):
        text = "".join(draw.choices(MARKS, k=draw.randint(0, 30)))
        capacity = draw.randint(2, 25)
        splitter = MarkdownSplitter.from_callback(len, capacity, draw.choice([1, capacity // 2]))
        chunks = splitter.chunks(text)
        places = placed(text, chunks)
        if places is None and any(chunk_places._repeats(b, a) for a, b in pairwise(chunks)):
            unsure += 1
            assert markdown_chunks(splitter, text, lambda: [(0, "otherwise")]) == [(0, "otherwise")]
        else:
            found += places is not None
            theirs = splitter.chunk_indices(text)
            later = [start for start, _ in theirs[1:]] + [len(text)]
            repeated = [i for i, (start, _) in enumerate(theirs) if start == later[i]]
            whole += len(repeated)
            ours = [place for i, place in enumerate(theirs) if i not in repeated]
            assert markdown_chunks(splitter, text, list) == ours
    assert found > 3000
    assert unsure > 0
    assert whole > 0


def test_what_repeats_itself_has_no_sure_place() -> None:
    assert placed("one one two", ["one", "two"]) is None
    assert placed("one, two", ["one", "two"]) is None, "a gap that is no white space"
    assert placed("one \u2003two", ["one", "two"]) == [(0, "one"), (5, "two")]
    assert not BLANKS.strip()


@pytest.mark.slow
def test_no_markdown_ends_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    # every blank is a token here, as it is for tokenizers of bytes
    cut, other = chunker("chars", 40, 15), 0
    whole = text_splitter.markdown_chunks

    def counted(
        splitter: MarkdownSplitter, text: str, otherwise: Callable[[], list[tuple[int, str]]]
    ) -> list[tuple[int, str]]:
        def noted() -> list[tuple[int, str]]:
            nonlocal other
            other += 1
            return otherwise()

        return whole(splitter, text, noted)

    monkeypatch.setattr(text_splitter, "markdown_chunks", counted)
    draw = random.Random(5)
    for _ in range(1500):
        document = Document(
            "d.md",
            "".join(draw.choices([*MARKS, "word ", "    code\n", "Two. "], k=draw.randint(0, 80))),
        )
        check(document, cut.split(document), "chars")
    assert other > 0
