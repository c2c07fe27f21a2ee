"""Front matter: what its parser refuses is read key by key, what nobody can read is named with its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.corpus import ReadOptions, read
from qembed.corpus.front_matter import front_matter
from qembed.corpus.readers.html import Page
from qembed.corpus.readers.registry import html_page, markdown, rst, xhtml_page
from qembed.corpus.readers.text_formats import notebook
from qembed.types import Document, ReadWarning, SourceFile


@pytest.mark.parametrize(
    ("block", "meta"),
    [
        ("title: Refunds: how they work", {"title": "Refunds: how they work"}),
        ("author: @ann\nx: `y`", {"author": "@ann", "x": "`y`"}),
        ("tags:\n\t- a\n\t- b", {"tags": ["a", "b"]}),
        ("a: &x [1, 2]\nb: *x", {"a": [1, 2], "b": [1, 2]}),
        ("date: 2026-02-30\nday: 2026-01-02", {"date": "2026-02-30", "day": "2026-01-02"}),
        ("v: .inf\nw: .nan\nt: !include x.y\n1: one",
         {"v": "inf", "w": None, "t": "x.y", "1": "one"}),
        ("a: [\ntitle: T", {"a": "[", "title": "T"}),
        ("desc: >\n  folded\n  text\nbad: {a", {"desc": "folded text", "bad": "{a"}),
        ("params:\n  author: Ann\n  note: a: b\n  more:\n    - x: y: z\n    - 1\nn: 1",
         {"params": {"author": "Ann", "note": "a: b", "more": ["x: y: z", 1]}, "n": 1}),
        ("'quoted key': 1\nurl: http://x.y/z", {"quoted key": 1, "url": "http://x.y/z"}),
    ],
)  # fmt: skip
def test_yaml(block: str, meta: dict[str, Any]) -> None:
    for text in (f"---\n{block}\n---\nbody", f"---\n{block}\n...\n", f"---\n{block}\n---"):
        found = front_matter(text)
        assert (dict(found.meta), found.warnings) == (meta, ())
        assert front_matter(text.replace("\n", "\r\n")).meta == meta


@pytest.mark.parametrize(
    ("text", "meta"),
    [
        ('+++\ntitle = "T"\nday = 2026-01-02\n+++\n', {"title": "T", "day": "2026-01-02"}),
        ('{\n"title": "J",\n"n": 1\n}\nbody', {"title": "J", "n": 1}),
        ('{\n"title": "J"\n"n": 1,\n}\nbody', {"title": "J", "n": 1}),
        (';;;\n"title": "Z"\n;;;\n', {"title": "Z"}),
    ],
)
def test_toml_and_json(text: str, meta: dict[str, Any]) -> None:
    found = front_matter(text)
    assert (dict(found.meta), found.title, found.warnings) == (meta, meta["title"], ())


@pytest.mark.parametrize(
    ("block", "meta", "line"),
    [
        ("title = T x\nn = 1", {"title": "T x", "n": 1}, 2),
        ("n = 1\n[params]\na = 'x'\nbad = @v\n[params.deep]\nb = 2",
         {"n": 1, "params": {"a": "x", "bad": "@v", "deep": {"b": 2}}}, 5),
        ("[[menu]]\nname = 'a'\nweight = high\n[[menu]]\nname = 'b'",
         {"menu": [{"name": "a", "weight": "high"}, {"name": "b"}]}, 4),
        ('a.b = 1\na."c.d" = yes\na.e = 2', {"a": {"b": 1, "c.d": "yes", "e": 2}}, 3),
        ('tags = [\n  "x",\n  "y",\n]\ntext = """\none\n\ntwo"""\nday = soon',
         {"tags": ["x", "y"], "text": "one\n\ntwo", "day": "soon"}, 10),
    ],
)  # fmt: skip
def test_toml_with_a_bad_value(block: str, meta: dict[str, Any], line: int) -> None:
    found = front_matter(f"+++\n{block}\n+++\nbody")
    assert found.meta == meta
    ((where, message),) = found.warnings
    assert where == line
    assert message.startswith("front matter with a value that is no TOML, read as text: ")


@pytest.mark.parametrize(
    ("text", "title", "meta"),
    [
        ("T\n=\n\n:author: A", "", {}),
        ("Head\n====\nSub\n---\n\n.. a comment\n   goes on\n\n:Date: 2026-01-02\n:Abstract: one\n   two\n"
         ":orphan:\n\ntext", "Head", {"date": "2026-01-02", "abstract": "one two", "orphan": True}),
        ("====\nHead\n====\n\n:tags: a; b, c\n:slug: x\n", "Head", {"tags": ["a", "b, c"], "slug": "x"}),
        (":title: From the field\n:version: $Revision: 7 $\n\ntext", "From the field",
         {"title": "From the field", "version": "7"}),
        (".. title: Nikola's\n.. slug: n\n.. note::\n   no\n\ntext", "Nikola's",
         {"title": "Nikola's", "slug": "n"}),
        (":author: A\n:author: B\n", "", {"author": ["A", "B"]}),
        ("---\ntitle: Front\n---\n\nHead\n====\n", "Head", {"title": "Front"}),
        ("text\n\n:author: no\n", "", {}),
        (".. a licence\n" + "   of many lines\n" * 999 + "\n:author: A\n", "", {"author": "A"}),
        (":ref:`x` is text\n", "", {}),
        ("Head\n====\n\ntext\n\n:author: no\n", "Head", {}),
    ],
)  # fmt: skip
def test_docinfo(text: str, title: str, meta: dict[str, Any]) -> None:
    page = rst(text)
    assert (page.text, page.title, page.meta) == (text, title, meta)


@pytest.mark.parametrize("make", [html_page, xhtml_page])
def test_front_matter_of_pages(make: Callable[[str], Page]) -> None:
    body = "<html lang='en'><head><title>{{ page.title }}</title></head><body><p>text</p></body></html>"
    for front in ("---\ntitle: A *b*\nn: 1\n---\n", '+++\ntitle = "A b"\nn = 1\n+++\n'):
        for text in (front, front.replace("\n", "\r\n"), front.replace("---\n", "--- \n")):
            page = make(text + body)
            assert (page.text, page.title, page.meta["n"]) == ("text", "A b", 1)
            assert page.meta["lang"] == "en"
    page = make('{"title": "J", "n": 1}\n<p>text</p>')
    assert (page.text, page.title) == ("text", "J")
    assert make("---\ntitle: only\n---\n").text == "--- title: only ---"
    assert make("<p>--- a: b ---</p>").meta == {}
    for empty in ("---\n---\n", "---\r\n\r\n--- \r\n", "--- \n---\n"):
        assert make(f"{empty}{body}").text == "text"


def test_front_matter_of_notebooks() -> None:
    cell = {"cell_type": "raw", "source": ["---\n", "title: A *b*\n", "n: 1\n", "---"]}
    words = {"cell_type": "markdown", "source": "words"}
    page = notebook(json.dumps({"cells": [cell, words]}))
    assert (page.title, page.meta) == ("A b", {"title": "A *b*", "n": 1})
    assert page.text.endswith("---\n\nwords")
    headed = notebook(json.dumps({"cells": [cell, {**words, "source": "# Head"}]}))
    assert headed.title == "Head"


@pytest.mark.parametrize(("written", "title"), [("1984", "1984"), ("No", "No"), ("'A: b'", "A: b")])
def test_titles_are_as_written(written: str, title: str) -> None:
    assert front_matter(f"---\ntitle: {written}\n---\n").title == title


def test_lines_that_cannot_be_read_are_named() -> None:
    found = front_matter("---\ntitle: a: b\nnonsense\n---\n")
    assert found.meta == {"title": "a: b"}
    assert found.warnings == ((3, "front matter that cannot be read: nonsense"),)
    found = front_matter("---\ntitle: open\n\ntext")
    assert found.meta == {}
    assert found.warnings == ((1, "front matter without a closing ---: read as text"),)


@pytest.mark.parametrize(
    "text", ["---\n# Heading\n---\n", "---\n\ntext\n\n---\n", "", "{% raw %}\nx"]
)
def test_what_is_none(text: str) -> None:
    found = front_matter(text)
    assert (found.meta, found.warnings) == ({}, ())


def test_anchors_make_no_billion() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    found = front_matter("---\n" + "\n".join(lines) + "\n---\n")
    assert found.meta["a0"] == ["x"] * 9
    assert len(str(found.meta)) < 100_000


@given(st.text("ab: -[]{}&*!|>'\"\n\t#@`%1.e~?", max_size=80))
def test_any_block_ends_in_json(block: str) -> None:
    for mark in ("---", "+++", ";;;"):
        found = front_matter(f"{mark}\n{block}\n{mark}\nbody")
        json.dumps(found.meta, allow_nan=False)
        assert all(line > 0 and message for line, message in found.warnings)


def test_a_json_object_that_is_none_is_warned_of() -> None:
    text = '{"title": "T", "k": @}\nbody'
    warning = 'front matter that cannot be read: {"title": "T", "k": @}'
    assert front_matter(text) == ({}, "", ((1, warning),), 0)
    assert front_matter('{"quoted"} words\n') == ({}, "", (), 0)


def test_json_and_toml_between_dashes_are_no_heading() -> None:
    assert markdown('---json\n{"a": 1}\n---\nbody').title == ""
    assert markdown('---json\n{"title": "T"}\n---\nbody').title == "T"
    assert markdown("---toml\n[a]\n---\nbody").title == ""


def test_a_documents_title_and_warnings(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    text = "---\ntitle: On: time\nnonsense\n---\nNo heading.\n"
    path.write_text(text)
    document, warning = read(SourceFile("s", "a.md", str(path), 1, 1), ReadOptions())
    assert document == Document("a.md", text, "On: time", {"title": "On: time"})
    assert warning == ReadWarning(str(path), "front matter that cannot be read: nonsense", 3)
    path.write_text("+++\n# a comment\ntitle = 'T'\n+++\n# Heading\n")
    (document,) = read(SourceFile("s", "a.md", str(path), 1, 1), ReadOptions())
    assert isinstance(document, Document)
    assert document.title == "Heading"
