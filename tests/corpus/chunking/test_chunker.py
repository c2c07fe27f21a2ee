"""Passages. The document's own text is the oracle of offsets and lines, the tokenizer of lengths, and the
regex module's \\X of what readers see as one character. (Where it cuts: test_chunk_places.py.)"""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.corpus import Chunker
from qembed.corpus.chunking import text_splitter
from qembed.corpus.chunking.chunker import with_title
from qembed.errors import UsageError
from qembed.types import Document, Passage
from tests.corpus.chunking.texts import texts, titles
from tests.corpus.counts import COUNTS, Kind, check, chunker, minilm, prose


@settings(max_examples=500, deadline=None)
@given(
    text=texts,
    title=titles,
    suffix=st.sampled_from([".txt", ".md"]),
    kind=st.sampled_from(["minilm", "bytes", "words", "chars"]),
    max_tokens=st.sampled_from([40, 64]),
    overlap=st.sampled_from([0, 0, 7, 30]),
    small=st.booleans(),
)
@example(
    text=":[\r", title="", suffix=".txt", kind="minilm", max_tokens=40, overlap=0, small=False
)  # it ends with an opening bracket
@pytest.mark.slow
def test_whatever_the_text(
    text: str, title: str, suffix: str, kind: Kind, max_tokens: int, overlap: int, small: bool
) -> None:
    document = Document("d" + suffix, text, title)
    c = chunker(kind, max_tokens, overlap)
    with pytest.MonkeyPatch.context() as patch:
        if small:  # windows small enough to slide over such texts
            patch.setattr(text_splitter, "MIN_WINDOW", 100)
            patch.setattr(text_splitter, "WINDOW", (2, 3))
        passages = c.split(document)
    if not text.strip():
        assert len(passages) == (1 if title else 0)
    check(document, passages, kind)
    short = c.fit_title(title)
    assert title.startswith(short)
    for p in passages:
        assert COUNTS[kind](with_title(short, p.text)) <= max_tokens


@settings(max_examples=50, deadline=None)
@given(texts, st.text(max_size=5))
def test_kind_none_is_one_passage(text: str, title: str) -> None:
    document = Document("d", text, title)
    passages = Chunker(kind="none", max_tokens=1, overlap=0).split(document)
    if text.strip() or title:
        (p,) = passages
        assert (p.start, p.end, p.text) == (0, len(text), text)
        assert (p.line, p.end_line) == (1, 1 + text[:-1].count("\n"))
    else:
        assert passages == []


# ── titles and other company ─────────────────────────────────────────────────────────────────────


def test_a_title_takes_its_room() -> None:
    text = prose(5000)
    title = "The title of this document is a handful of words"
    c = chunker("minilm", 64)
    passages = c.split(Document("a.txt", text, title))
    lengths = [COUNTS["minilm"](f"{title} {p.text}") for p in passages]
    assert max(lengths) <= 64
    assert len(passages) > len(c.split(Document("a.txt", text)))
    assert c.fit_title(title) == title


def test_a_very_long_title_leaves_half() -> None:
    title = "word " * 500
    c = chunker("minilm", 64)
    assert c.fit_title(title) == " ".join(["word"] * 30)
    assert c.fit_title("x" * 90) == ""  # one word alone of more tokens than that
    passages = c.split(Document("a.txt", prose(2000), title))
    assert max(COUNTS["minilm"](p.text) for p in passages) > 24


def test_a_title_alone_is_a_passage() -> None:
    assert chunker("minilm").split(Document("a", " \n", "T")) == [Passage("a", 0, 0, 0, "", 1, 1)]
    assert chunker("minilm").split(Document("a", " \n")) == []


def test_a_models_own_passage_text_takes_its_room() -> None:
    def e5(title: str, text: str, label: str = "") -> str:
        return f"passage: {with_title(title, text)}"

    passages = chunker("minilm", 40, render=e5).split(Document("a.txt", prose(3000), "Title"))
    assert 36 <= max(COUNTS["minilm"](e5("Title", p.text)) for p in passages) <= 40


def test_text_whose_parts_count_more_than_the_whole() -> None:
    # a word of over a hundred letters is one unknown token to MiniLM, its halves are many known ones
    text = " ".join("ab" * n for n in range(45, 60)) * 3
    passages = chunker("minilm", 40).split(Document("a.txt", text))
    check(Document("a.txt", text), passages)
    assert max(COUNTS["minilm"](p.text) for p in passages) <= 40


# ── what it refuses ──────────────────────────────────────────────────────────────────────────────


def test_overlap_must_leave_room() -> None:
    assert chunker("minilm", 64, 61).split(Document("a", prose(500)))
    with pytest.raises(UsageError, match="overlap of 62 tokens"):
        chunker("minilm", 64, 62)
    with pytest.raises(UsageError, match="overlap of -1"):
        chunker("minilm", 64, -1)
    with pytest.raises(UsageError, match="no room"):
        chunker("minilm", 2)
    with pytest.raises(UsageError, match="needs a tokenizer"):
        Chunker(kind="auto", max_tokens=64, overlap=0)


def test_a_tokenizer_that_truncates_is_a_bug() -> None:
    from tokenizers import Tokenizer

    truncating = Tokenizer.from_str(minilm().to_str())
    truncating.enable_truncation(128)
    with pytest.raises(ValueError, match="truncates"):
        Chunker(kind="auto", max_tokens=64, overlap=0, tokenizer=truncating)


def test_errors_and_interrupts_come_through() -> None:
    def failing(text: str) -> int:
        if text:
            raise KeyboardInterrupt
        return 0

    with pytest.raises(KeyboardInterrupt):
        Chunker(kind="auto", max_tokens=64, overlap=0, count=failing).split(
            Document("a", prose(500))
        )


# ── time ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("suffix", [".txt", ".md"])
@pytest.mark.parametrize(
    "unit",
    [
        prose(3000).replace("\n\n", " "),
        "没有标点的一段很长的文字也没有空格",
        "aGVsbG8gd29ybGQK",
        "e\u0301",
        " ",
        "1,",
    ],
    ids=["prose", "chinese", "blob", "marks", "spaces", "digits"],
)
@pytest.mark.slow
def test_time_grows_with_length(unit: str, suffix: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        c = Chunker(kind="auto", max_tokens=64, overlap=8, count=lambda t: len(t) // 4)
        began = time.process_time()
        c.split(Document("a" + suffix, text))
        return time.process_time() - began

    short, long = min(seconds(15_000) for _ in range(3)), min(seconds(60_000) for _ in range(2))
    assert long < 8 * short + 0.1  # four times the text; its square would be sixteen
