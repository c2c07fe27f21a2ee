"""What neighbouring passages share: about as much as is asked for, at every border within a section."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.corpus.chunking import text_splitter
from qembed.corpus.chunking.chunker import with_title
from qembed.corpus.markdown import headings
from qembed.models.templates import passage_text
from qembed.types import Document, Passage
from tests.corpus.chunking.texts import texts, titles
from tests.corpus.counts import COUNTS, Kind, check, chunker, prose
from tests.corpus.languages import LANGUAGES, unmarked

SIZE = 24


def split(name: str, text: str, size: int = SIZE, most: int = 96) -> list[Passage]:
    document = Document(name, text)
    passages = chunker("minilm", most, size, overlap_within="section").split(document)
    check(document, passages)
    assert max(COUNTS["minilm"](p.text) for p in passages) <= most
    return passages


def shared(text: str, passages: list[Passage]) -> list[str]:
    """Text that each passage repeats of the one before."""
    return [text[b.start : max(a.end, b.start)] for a, b in pairwise(passages)]


def tokens(text: str) -> int:
    return COUNTS["minilm"](text) - 2


def test_every_border_between_paragraphs_shares() -> None:
    text = "\n\n".join(prose(260, seed).replace("\n\n", " ") for seed in range(40))
    passages = split("a.txt", text)
    assert len(passages) > 28
    for part, after in zip(shared(text, passages), passages[1:], strict=True):
        assert SIZE / 2 <= tokens(part) <= SIZE
        before = text[: after.start]
        assert before[-1].isspace()
        if tokens(part) < SIZE - 12:  # a longer part would have begun within a sentence
            assert before.rstrip()[-1] in ".\n" or "\n" in before[-2:]


@pytest.mark.parametrize("size", [16, 200])
def test_a_sentence_is_shared_whole_where_it_fits(size: int) -> None:
    sentence = "Eight words make this sentence, no more here. "
    text = sentence * 200
    for part in shared(text, split("a.txt", text, size, 512)):
        assert part.startswith("Eight words")
        assert part.strip().endswith("here.")
        assert size / 2 <= tokens(part) <= size


def test_nothing_is_shared_over_a_heading() -> None:
    sections = [f"## Part {i}\n\n{prose(900, i)}" for i in range(6)]
    text = "# All\n\n" + "\n\n".join(s.rstrip() for s in sections)
    passages = split("a.md", text)
    begins = {h.start for h in headings(text)}
    assert sum(p.start in begins for p in passages) >= 6
    for part, after in zip(shared(text, passages), passages[1:], strict=True):
        assert (part == "") == (after.start in begins and text[after.start :].startswith("#"))
        assert "\n#" not in part
        if part:
            assert SIZE / 2 <= tokens(part) <= SIZE
    assert all(text[p.start : p.end].count("## Part") <= 1 for p in passages)


def test_labels_are_those_of_the_section() -> None:
    sections = [f"## Part {i}\n\n{prose(900, i)}" for i in range(6)]
    text = "# All\n\nWords.\n\n" + "\n\n".join(s.rstrip() for s in sections)
    for p in split("a.md", text)[1:]:
        last = [h.words for h in headings(text) if h.start <= p.start + 3][-1]
        assert p.heading == f"All > {last}"


def test_a_table_shares_whole_rows() -> None:
    rows = [f"| row {i} | some words | other words here |" for i in range(60)]
    text = "\n".join(["| a | b | c |", "|---|---|---|", *rows])
    passages = split("a.md", text, 40)
    for part in shared(text, passages):
        assert part.startswith("| row")
        assert part.endswith("here |")
    long = "\n".join(["| a | b |", "|---|---|", *(f"| {i} | {'word ' * 40}|" for i in range(9))])
    assert set(shared(long, split("a.md", long, 16))) == {""}


def test_scripts_without_spaces() -> None:
    text = "中文句子。你好！真的吗？没有标点的很长的一段文字，" * 60
    for part in shared(text, split("a.txt", text)):
        assert SIZE / 2 <= tokens(part) <= SIZE
    text = "没有标点的很长的一段文字" * 60
    for part in shared(text, split("a.txt", text)):
        assert tokens(part) == SIZE


def test_definitions_share_nothing_but_what_is_cut_does() -> None:
    pytest.importorskip("tree_sitter")
    small = "".join(f"def f{i}(a):\n    return a * {i} + {'a + ' * 12}1\n\n\n" for i in range(9))
    assert set(shared(small, split("a.py", small, 16, 64))) == {""}
    lines = [f"    total = total * {i} + items[{i}].price\n" for i in range(80)]
    text = "def f(items):\n" + "".join(lines)
    for part in shared(text, split("a.py", text)):
        assert part.startswith("    total")  # whole lines, with their indent
        assert SIZE / 2 <= tokens(part) <= SIZE


def test_without_an_overlap_nothing_changes() -> None:
    text = prose(9000)
    plain = chunker("minilm", 96, 0).split(Document("a.txt", text))
    assert (
        chunker("minilm", 96, 0, overlap_within="section").split(Document("a.txt", text)) == plain
    )


@settings(max_examples=200, deadline=None)
@given(
    text=texts,
    title=titles,
    suffix=st.sampled_from([".txt", ".md", ".rst"]),
    kind=st.sampled_from(["minilm", "bytes", "words", "chars"]),
    size=st.sampled_from([3, 7, 20]),
    small=st.booleans(),
    labelled=st.booleans(),
)
@pytest.mark.slow
def test_whatever_the_text(
    text: str, title: str, suffix: str, kind: Kind, size: int, small: bool, labelled: bool
) -> None:
    def rendered(title: str, text: str, label: str = "") -> str:
        if not labelled:
            return with_title(title, text)
        return passage_text("{text}", "title headings text", title, text, label)

    document = Document("d" + suffix, text, title)
    c = chunker(kind, 64, size, overlap_within="section", render=rendered, labelled=labelled)
    with pytest.MonkeyPatch.context() as patch:
        if small:
            patch.setattr(text_splitter, "MIN_WINDOW", 100)
            patch.setattr(text_splitter, "WINDOW", (2, 3))
        passages = c.split(document)
    check(document, passages, kind)
    short = c.fit_title(title)
    for p in passages:
        label = c.fit_label(short, p.label) if labelled else ""
        assert COUNTS[kind](rendered(short, p.text, label)) <= 64
    begins = [h.start for h in headings(text) if h.words] if suffix == ".md" else []
    for a, b in pairwise(passages):
        part = text[b.start : a.end]
        assert COUNTS[kind](part) - COUNTS[kind]("") <= size
        assert not [h for h in begins if b.start < h < a.end and text[h : a.end].strip()], part


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(LANGUAGES)),
    size=st.sampled_from([7, 20]),
    kind=st.sampled_from(["minilm", "bytes", "chars"]),
)
@pytest.mark.slow
def test_whatever_the_code(name: str, size: int, kind: Kind) -> None:
    pytest.importorskip("tree_sitter")
    document = Document("a" + name, unmarked(LANGUAGES[name]).text)
    passages = chunker(kind, 64, size, overlap_within="section").split(document)
    check(document, passages, kind)
    assert max(COUNTS[kind](p.text) for p in passages) <= 64
