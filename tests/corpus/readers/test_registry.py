"""Files to documents. markdown-it, a CommonMark parser, is the oracle of titles."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus import READERS, ReadOptions, file_contents, read
from qembed.corpus.markdown import fenced, strip_inline, title
from qembed.types import Document, ReadItem, SourceFile, Unreadable


def file(path: Path, name: str | None = None) -> SourceFile:
    info = path.stat()
    return SourceFile(
        str(path.parent), name or path.name, str(path), info.st_size, info.st_mtime_ns
    )


def read_one(path: Path, data: bytes, name: str | None = None) -> ReadItem:
    path.write_bytes(data)
    (found,) = read(file(path, name), ReadOptions())
    return found


# ── titles ───────────────────────────────────────────────────────────────────────────────────────

markdown_it = pytest.importorskip("markdown_it")
PARSER = markdown_it.MarkdownIt("commonmark").enable("strikethrough")


def parsed_title(text: str) -> str:
    """The words of the first heading at the top level that has any."""
    tokens = PARSER.parse(text)
    for opening, inline in pairwise(tokens):
        if (
            opening.type == "heading_open"
            and opening.level == 0
            and (found := words(inline.children))
        ):
            return found
    return ""


def words(tokens: list[object] | None) -> str:
    parts = []
    for token in tokens or ():
        kind = token.type  # type: ignore[attr-defined]
        if kind in ("text", "text_special", "code_inline"):
            parts.append(token.content)  # type: ignore[attr-defined]
        elif kind in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif kind == "image":
            parts.append(words(token.children))  # type: ignore[attr-defined]
    return " ".join("".join(parts).split())


LINES = [
    *[
        "",
        "",
        "",
        "word",
        "two words",
        "# One",
        "## Two ##",
        "#Not",
        "####### Not",
        "#",
        "# ",
        "===",
        "---",
    ],
    *["--", "***", "* * *", "```", "```py", "~~~", "<!-- # no -->", "trailing  ", "# Hash # in"],
    *["# Four \\#", "# #five"],
]
INDENTED = ["   ### Three", "    # code", "    ```", "\ttab", "  word", "   ---"]
CONTAINERS = ["> quote", "> # no", "- item", "1. item", "-", "> ", "* # no"]


def documents(extra: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(LINES + extra), max_size=8).filter(lambda x: x[:1] != ["---"])


# not both at once: what is indented under an item is the item's, which a scanner of lines does not know
@given(documents(INDENTED) | documents(CONTAINERS))
def test_title_is_the_parsers_first_heading(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert title(text) == parsed_title(text)
    assert title("\r\n".join(lines)) == parsed_title(text)


INLINE = [
    *[
        "word",
        "Other",
        "*em*",
        "**strong**",
        "_under_",
        "__strong__",
        "snake_case_name",
        "`code`",
        "`` a`b ``",
    ],
    *[
        "[link](http://x.y/a_b)",
        "[a *b* c](<u v> 'title')",
        "![alt](i.png)",
        "[![badge](b.svg)](http://x)",
    ],
    *[
        "<http://a.b/c>",
        "<br>",
        "<b>bold</b>",
        "&amp;",
        "&copy;",
        "\\*",
        "\\_x\\_",
        "~~gone~~",
        "2 * 3 * 4",
    ],
    *[
        "[brackets]",
        "***both***",
        "a*b*c",
        "C++",
        "f(x)",
        "50%",
        "#tag",
        "`*raw*`",
        "*a **b** c*",
        "中文",
        "🎉",
    ],
]


@given(st.lists(st.sampled_from(INLINE), min_size=1, max_size=5).map(" ".join))
def test_inline_markup_is_the_parsers(heading: str) -> None:
    assert strip_inline(heading) == parsed_title(f"# {heading}")
    assert title(f"{heading}\n===\n") == parsed_title(f"# {heading}")


MARKS = ["*", "_", "**", "__", "***", "****", "~~", "w", "w", " ", ".", "é", "`c`", "[l](u)"]


@given(st.lists(st.sampled_from(MARKS), min_size=1, max_size=9).map("".join))
def test_marks_that_are_no_pair_stay(words: str) -> None:
    heading = re.sub("~{3,}", "~", f"x {words} x")  # more than two are no mark in one of both
    assert strip_inline(heading) == parsed_title(f"# {heading}")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("---\ntitle: Not this\n---\n\n# This\n", "This"),
        ("---\ntitle: Not this\n---\nNo heading.\n", ""),
        ("---\n\n# A rule, not front matter\n\n---\n", "A rule, not front matter"),
        ("```\n# no\n```\n\n# Yes {#anchor .class}\n", "Yes"),
        ("~~~\n```\n# no\n~~~\nYes\n===\n", "Yes"),
        ("<!--\n# no\n-->\n# Yes\n", "Yes"),
        ("# \n\n## [](x)\n\nIn two\nlines\n---\n", "In two lines"),
        ("```\n# never closed", ""),
        ("", ""),
        ("no heading at all\n", ""),
        ("# All of *.md, not _private\n", "All of *.md, not _private"),
        ("# 5 * 3, _ and # in F#\n", "5 * 3, _ and # in F#"),
        ("# f(*args, **kwargs) *now* ##\n", "f(*args, **kwargs) now"),
    ],
)
def test_titles(text: str, wanted: str) -> None:
    assert title(text) == wanted


@given(
    st.lists(
        st.sampled_from(["word", "```", "````", "~~~", "``` x", "    ```", "", "# h"]), max_size=10
    )
)
def test_fenced_code_is_the_parsers(lines: list[str]) -> None:
    text = "\n".join(lines)
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    wanted = [
        (starts[t.map[0]], min(starts[t.map[1]], len(text)))
        for t in PARSER.parse(text)
        if t.type == "fence" and t.map
    ]
    assert [(a, b) for a, b in fenced(text)] == wanted


# ── by suffix ────────────────────────────────────────────────────────────────────────────────────


def test_plain_text_keeps_every_character(tmp_path: Path) -> None:
    for name in ("a.txt", "a.PY", "README", "Makefile", "odd.zzz", ".hidden", "dot."):
        found = read_one(tmp_path / name, b"\xef\xbb\xbf# one\r\n\r\n two\n")
        assert found == Document(name, "# one\r\n\r\n two\n")


def test_markdown_has_a_title(tmp_path: Path) -> None:
    found = read_one(tmp_path / "x", b"# *One*\r\n\r\ntext\r\n", "docs/Guide.MD")
    assert found == Document("docs/Guide.MD", "# *One*\r\n\r\ntext\r\n", "One")


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "r.NDJSON"
    path.write_text('{"text": "a"}\n{"_id": 7, "text": "b"}\nnonsense\n')
    found = list(read(file(path, "sub/r.NDJSON"), ReadOptions()))
    assert [d.id for d in found if isinstance(d, Document)] == ["sub/r.NDJSON#1", "7"]
    (problem,) = (d for d in found if isinstance(d, Unreadable))
    assert (problem.path, problem.line) == (str(path), 3)


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.jsonl"])
def test_what_cannot_be_opened_is_reported(tmp_path: Path, name: str) -> None:
    gone = SourceFile("s", name, str(tmp_path / name), 1, 1)
    assert list(read(gone, ReadOptions())) == [
        Unreadable(str(tmp_path / name), "no such file or folder")
    ]


def test_doubtful_and_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.md").write_bytes(b"# caf\xe9")
    document, warning = read(file(tmp_path / "a.md"), ReadOptions())
    assert document == Document("a.md", "# café", "café", {"encoding": "cp1252"})
    assert str(warning) == (
        f"{tmp_path / 'a.md'}:1: not UTF-8 (byte 0xe9 at offset 5): read as cp1252, the likeliest "
        "(--encoding NAME)"
    )
    monkeypatch.setattr(file_contents, "MAX_FILE", 1024**2)
    found = read_one(tmp_path / "b.md", b"x" * (1024**2 + 1))
    assert isinstance(found, Unreadable)
    assert "too large" in found.error


def test_suffixes_are_lower_case_with_a_dot() -> None:
    assert all(s == s.lower() and s[0] == "." and "." not in s[1:] for s in READERS)
    assert READERS[".md"] is not READERS[".txt"]


def test_importing_the_room_is_cheap() -> None:
    heavy = ["numpy", "pyarrow", "tokenizers", "torch", "pathspec", "semantic_text_splitter"]
    code = f"import sys, qembed.corpus; print([m for m in {heavy} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
