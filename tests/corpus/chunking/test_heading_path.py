"""Under which headings passages stand, by a CommonMark parser. (What is encoded: test_headings.py.)"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, read
from qembed.corpus.chunking.heading_path import MAX_PART, HeadingPaths
from qembed.types import Document, Passage, SourceFile
from tests.corpus.chunking.markdown_lines import LINES
from tests.corpus.counts import check, chunker
from tests.corpus.samples import docx, epub, pptx

markdown_it = pytest.importorskip("markdown_it")
PARSER = markdown_it.MarkdownIt("commonmark")


def split(name: str, text: str, words: int = 7) -> list[Passage]:
    passages = chunker("words", words).split(Document(name, text))
    check(Document(name, text), passages, "words")
    return passages


def under(name: str, text: str, words: int = 7) -> dict[str, str]:
    """The heading of the passage in which each word in capitals stands."""
    passages = split(name, text, words)
    return {
        word: p.heading for p in passages for word in re.findall(r"\b[A-Z]{2,}[0-9]*\b", p.text)
    }


# ── Markdown ─────────────────────────────────────────────────────────────────────────────────────


def test_levels_and_kinds() -> None:
    text = (
        "AA stands before any.\n\n# Guide\n\nBB stands under one.\n\n### Deep\n\nCC skips a level.\n\n"
        "## Two\n\nDD goes up again.\n\nSetext\nof two lines\n---\n\nEE is under both.\n\n"
        "#### Four #\n\nFF is closed with marks.\n\nOther\n===\n\nGG is at the top.\n"
    )
    assert under("a.md", text) == {
        "AA": "",
        "BB": "Guide",
        "CC": "Guide > Deep",
        "DD": "Guide > Two",
        "EE": "Guide > Setext of two lines",
        "FF": "Guide > Setext of two lines > Four",
        "GG": "Other",
    }
    assert under("b.markdown.gz", text) == under("a.md", text)
    assert set(under("a.txt", text).values()) == {""}


def test_what_only_looks_like_a_heading() -> None:
    text = (
        "---\ntitle: AA\n# comment: x\n---\n\n# Real\n\nBB here.\n\n```sh\n# CC comment\n```\n\n"
        "~~~\nDD\n===\n```\n# no\n~~~\n\nEE here.\n\n> # Quoted\n> FF here.\n\n- # Item\n\n  GG here.\n\n"
        "    # code\n\n#hash HH\n\n####### seven JJ\n\n<!--\n# hidden KK\n-->\n\n***\n\nLL here.\n\n\\# MM\n"
    )
    found = under("a.md", text)
    assert found.pop("AA") == ""
    assert set(found) == {"BB", "CC", "DD", "EE", "FF", "GG", "HH", "JJ", "KK", "LL", "MM"}
    assert set(found.values()) == {"Real"}


def test_headings_without_their_markup() -> None:
    text = (
        "# The *Guide* of `qembed` &amp; [more](http://x.y/z) {#anchor .c}\n\nAA.\n\n"
        "## ![logo](a.png) <b>Refunds</b> \\# 1\n\nBB.\n\n##\n\nCC under an empty one.\n"
    )
    assert under("a.md", text) == {
        "AA": "The Guide of qembed & more",
        "BB": "The Guide of qembed & more > logo Refunds # 1",
        "CC": "The Guide of qembed & more > logo Refunds # 1",
    }


def test_very_long_headings_are_cut_between_words() -> None:
    text = f"# {'word ' * 100}\n\nAA.\n\n## {'x' * 5000}\n\nBB is the second of them.\n\n"
    text += f"## 中文{'标题' * 99}\n\nCC is the third of them.\n"
    found = under("a.md", text)
    assert found["AA"] == ("word " * (MAX_PART // 5 - 1)).strip() + "…"
    assert found["BB"] == found["AA"] + " > " + "x" * (MAX_PART - 1) + "…"
    assert found["CC"].startswith(found["AA"] + " > 中文标题")
    assert all(len(part) <= MAX_PART for path in found.values() for part in path.split(" > "))


def test_headings_that_open_a_passage_are_its_own() -> None:
    text = "# A\n\nwords of it\n\n# B\n\n## C\n\nmore words\n\n# D\n\nlast"
    outline = HeadingPaths.of(text, ".md", True)

    def path(start: str, end: str) -> str:
        return outline.path(text, text.index(start), text.index(end) + len(end))

    assert outline.paths == ["A", "B", "B > C", "D"]
    assert path("# A", "last") == "A"
    assert path("words", "last") == "A"
    assert path("# B", "last") == "B > C"
    assert path("\n\n# B", "last") == "B > C"
    assert path("# B", "# B") == "B"
    assert path("## C", "words\n\n# D") == "B > C"
    assert path("# D", "# D") == "D"
    assert outline.within(text.index("more"), text.index("last")) == ["B > C", "D"]
    assert HeadingPaths.of("none", ".md", True).path("none", 0, 4) == ""


def oracle(text: str, start: int, end: int) -> str:
    """The path over text[start:end], from a parser's headings."""
    tokens = PARSER.parse(text)
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    found = []
    for i, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0 and tokens[i + 1].content:
            inner = tokens[i + 1].children
            words = " ".join(
                "".join(c.content or " " * (c.type == "softbreak") for c in inner).split()
            )
            found.append((lines[token.map[0]], lines[token.map[1]], int(token.tag[1]), words))
    headed = {at for a, b, _, _ in found for at in range(a, b)}
    plain = (at for at in range(start, end) if not text[at].isspace() and at not in headed)
    at = next(plain, end)  # the first that is no heading, or the end where all of it is
    above: list[str] = []
    level = 7
    for begin, _, deep, words in reversed(found):
        if begin < at and deep < level:
            above.insert(0, words)
            level = deep
    # a passage that a heading was cut off from begins inside of it
    return " > ".join(above)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(LINES), max_size=25), st.sampled_from([4, 9, 30]))
# no lazy line goes on behind a heading, an underline or code in an item
@example(["- item", "    # code", "Setext\n==="], 4)
@example(["- item", "    ===", "Setext\n==="], 4)
@example(["-     code", "Setext\n==="], 4)
@example(["> quote", "    # code", "Setext\n==="], 4)
# neither an empty item nor one of another number than 1 ends a paragraph
@example(["10. ten", "Setext\n==="], 4)
@example(["", "10. ten", "Setext\n==="], 4)
@example(["*", "Setext\n==="], 4)
@pytest.mark.slow
def test_whatever_the_markdown(lines: list[str], words: int) -> None:
    text = "\n".join(["start", *lines])  # no front matter
    for p in split("a.md", text, words):
        assert p.heading == oracle(text, p.start, p.end), p


# ── other formats ────────────────────────────────────────────────────────────────────────────────


def test_restructured_text() -> None:
    text = (
        "=====\nGuide\n=====\n\nAA here.\n\nRefunds\n-------\n\nBB here.\n\n.. note::\n\n   Not\n   ---\n\n"
        "   CC here.\n\nThe *line* :ref:`of words <x>` and ``code``\n~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n\n"
        "DD here.\n\n====  ====\na     EE\n====  ====\n1     2\n====  ====\n\nFF here.\n\n-----\n\n"
        "GG after a transition.\n\nParcels\n-------\n\nHH here.\n\n========\n Others\n========\n\nJJ here.\n"
    )
    deep = "Guide > Refunds > The line of words and code"
    assert under("a.rst", text, 5) == {
        "AA": "Guide", "BB": "Guide > Refunds", "CC": "Guide > Refunds", "DD": deep, "EE": deep,
        "FF": deep, "GG": deep, "HH": "Guide > Parcels", "JJ": "Others",
    }  # fmt: skip
    assert set(under("a.txt", text, 5).values()) == {""}


@pytest.mark.parametrize("seed", range(5))
def test_restructured_marks_are_levels_in_the_order_they_come_up(seed: int) -> None:
    marks = np.random.default_rng(seed).permutation(list("=-~^\"'*+#"))[:4]
    tree = [(0, "Aa"), (1, "Bb"), (2, "Cc"), (1, "Dd"), (2, "Ee"), (3, "Ff"), (0, "Gg"), (1, "Hh")]
    text = "".join(f"{w} 标题\n{marks[n] * 8}\n\nX{w.upper()} here.\n\n" for n, w in tree)
    found = under("a.rst", text, 4)
    assert [found["X" + w.upper()] for _, w in tree] == [
        p.replace("/", " 标题 > ") + " 标题"
        for p in ("Aa", "Aa/Bb", "Aa/Bb/Cc", "Aa/Dd", "Aa/Dd/Ee", "Aa/Dd/Ee/Ff", "Gg", "Gg/Hh")
    ]


def headings_of(folder: Path, name: str, data: bytes) -> dict[str, str]:
    """Words in capitals and what they stand under, of a file as it is read."""
    path = folder / name
    path.write_bytes(data)
    found: dict[str, str] = {}
    for document in read(SourceFile("s", name, str(path), len(data), 1), ReadOptions()):
        assert isinstance(document, Document), document
        found |= under(document.id, document.text)
    return found


def test_formats_that_become_markdown(tmp_path: Path) -> None:
    page = (
        "<title>T</title><p>AA first.<h1>Guide <em>of</em> it</h1><p>BB here.<h2>Refunds</h2><p>CC here."
        "<pre># no\nDD here</pre><h2>Parcels</h2><ul><li>EE here</ul>"
    )
    body = {"BB": "Guide of it", "CC": "Guide of it > Refunds", "DD": "Guide of it > Refunds"}
    wanted = {"AA": "", **body, "EE": "Guide of it > Parcels"}
    assert headings_of(tmp_path, "a.html", page.encode()) == wanted
    assert headings_of(tmp_path, "a.xhtml", page.encode()) == wanted
    cells = [
        {"cell_type": "markdown", "source": ["# Study\n", "\n", "AA of it.\n", "## Part"]},
        {"cell_type": "code", "source": "# BB is a comment\nprint('```')"},
        {"cell_type": "raw", "source": "CC is raw"},
        {"cell_type": "markdown", "source": "Next\n====\nDD is last"},
    ]
    assert headings_of(tmp_path, "a.ipynb", json.dumps({"cells": cells}).encode()) == {
        "AA": "Study", "BB": "Study > Part", "CC": "Study > Part", "DD": "Next",
    }  # fmt: skip


def test_office_formats(tmp_path: Path) -> None:
    for module in ("docx", "pptx"):
        pytest.importorskip(module)

    def guide(d: Any) -> None:
        d.add_paragraph("AA is first.")
        d.add_heading("Guide", 1)
        d.add_paragraph("BB here.")
        d.add_heading("Refunds", 3)
        d.add_paragraph("CC here.", style="List Bullet")
        d.add_heading("Parcels", 2)
        d.add_table(1, 1).cell(0, 0).text = "DD here"

    assert headings_of(tmp_path, "a.docx", docx(guide)) == {
        "AA": "", "BB": "Guide", "CC": "Guide > Refunds", "DD": "Guide > Parcels",
    }  # fmt: skip
    book = epub("Book", {"1.xhtml": "<h1>One</h1><p>AA.<h2>In it</h2><p>BB.", "2.xhtml": "<p>CC."})
    assert headings_of(tmp_path, "a.epub", book) == {"AA": "One", "BB": "One > In it", "CC": ""}
    slides = pptx([("Plan", "AA here"), ("End", "BB here")])
    assert headings_of(tmp_path, "a.pptx", slides) == {"AA": "Plan", "BB": "End"}
