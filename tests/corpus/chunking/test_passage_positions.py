"""Where a document is cut, and how a window that slides changes that."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from qembed.corpus.chunking import text_splitter
from qembed.types import Document
from tests.corpus.counts import COUNTS, check, chunker, prose


def test_chinese_is_cut_between_sentences() -> None:
    sentences = [
        "这是一个测试句子，用来检查切分。",
        "你真的认为这样可以吗？",
        "当然可以！",
        "我们需要更多的文本来检验。",
    ]
    text = "".join(random.Random(0).choices(sentences, k=60))
    passages = chunker("minilm", 64).split(Document("a.txt", text))
    assert len(passages) > 10
    assert all(p.text[-1] in "。？！" for p in passages)
    assert sum(len(p.text) for p in passages) == len(text)
    assert min(len(p.text) for p in passages[:-1]) > 40


def test_english_is_cut_between_sentences_and_filled() -> None:
    passages = chunker("minilm", 64).split(Document("a.txt", prose(8000).replace("\n\n", " ")))
    assert all(p.text.endswith(".") for p in passages[:-1])
    assert all(COUNTS["minilm"](p.text) > 40 for p in passages[:-1])


def test_paragraphs_before_sentences() -> None:
    text = "\n\n".join(f"Paragraph {i}. " + "It has a second sentence. " * 5 for i in range(10))
    passages = chunker("minilm", 64).split(Document("a.txt", text))
    assert [p.text[:12] for p in passages] == [f"Paragraph {i}." for i in range(10)]


def test_markdown_is_cut_at_headings() -> None:
    text = "".join(f"# H{i}\n\nA short paragraph.\n\nAnother short one.\n\n" for i in range(6))
    plain = chunker("minilm", 40).split(Document("a.txt", text))
    passages = chunker("minilm", 40).split(Document("docs/A.MD", text))
    assert all(p.text.startswith("# H") for p in passages)
    assert not all(p.text.startswith("# H") for p in plain)


def test_a_window_does_not_begin_inside_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_splitter, "MIN_WINDOW", 1500)
    monkeypatch.setattr(text_splitter, "WINDOW", (1, 1))
    code = "".join(f"x{i} = call(x{i - 1}, {i})\n\n" for i in range(1, 25))
    text = "".join(
        f"## Part {i}\n\nA sentence.\n\n```\n{code}```\n\nAnd one more.\n\n" for i in range(40)
    )
    passages = chunker("minilm", 64).split(Document("a.md", text))
    check(Document("a.md", text), passages)
    # taken for code, a heading would not begin a passage
    assert sum(p.text.startswith("## Part") for p in passages) == 40


def test_a_window_changes_little(monkeypatch: pytest.MonkeyPatch) -> None:
    document = Document("a.txt", prose(60_000))
    slid = chunker("minilm", 128).split(document)
    monkeypatch.setattr(text_splitter, "MIN_WINDOW", 10**6)
    whole = chunker("minilm", 128).split(document)
    assert {(p.start, p.end) for p in slid} == {(p.start, p.end) for p in whole}


def test_overlap_repeats_the_end_of_the_one_before() -> None:
    text = prose(6000).replace("\n\n", " ")
    passages = chunker("minilm", 64, 24).split(Document("a.txt", text))
    shared = [a.end - b.start for a, b in pairwise(passages)]
    assert sum(n > 0 for n in shared) > len(shared) // 2
    for a, b in pairwise(passages):
        assert COUNTS["minilm"](text[b.start : a.end]) - 2 <= 24
