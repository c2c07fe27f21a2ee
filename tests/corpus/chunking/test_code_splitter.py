"""Code along its definitions. The marks in languages.py are the oracle of where, the text of all else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from qembed.corpus import Chunker
from qembed.corpus.chunking import grammars
from qembed.corpus.chunking.code_splitter import JOINED, MAX_SYMBOL, MAX_TEXT
from qembed.models.templates import passage_text
from qembed.types import Document, Passage
from tests.cli.conftest import Shell
from tests.corpus.counts import COUNTS, Kind, check, chunker
from tests.corpus.languages import LANGUAGES, unmarked

for _suffix in LANGUAGES:
    if grammars.grammar(grammars.language(_suffix)) is None:
        pytest.skip("the extra qembed-search[code] is not installed", allow_module_level=True)

suffixes = pytest.mark.parametrize("suffix", LANGUAGES)


def split(name: str, text: str, max_tokens: int = 64, kind: Kind = "minilm") -> list[Passage]:
    """Passages of which everything holds that holds for passages whatever cut them, and that fit."""
    passages = chunker(kind, max_tokens).split(Document(name, text))
    check(Document(name, text), passages, kind)
    assert all(COUNTS[kind](p.text) <= max_tokens for p in passages)
    return passages


def places(passages: list[Passage]) -> list[tuple[str, int]]:
    return [(p.symbol, p.line) for p in passages]


def rendered(title: str, text: str, label: str = "") -> str:
    return passage_text("{text}", "title headings text", title, text, label)


# ── where it is cut ──────────────────────────────────────────────────────────────────────────────


def test_every_grammar_has_a_source() -> None:
    known = {grammars.language(s) for s in LANGUAGES}
    assert known == set(grammars._GRAMMARS)
    assert grammars.language(".md") == ""


@suffixes
def test_a_passage_a_definition(suffix: str) -> None:
    text, wanted = unmarked(LANGUAGES[suffix])
    assert len(text.encode()) > len(text) + 5
    passages = split(f"src/a{suffix}", text)
    assert places(passages) == wanted
    for p in passages:
        assert p.start == 0 or text[p.start - 1] == "\n"
        assert p.end == len(text) or text[p.end] == "\n"


@suffixes
@pytest.mark.parametrize("max_tokens", [24, 40, 128])
@pytest.mark.slow
def test_other_lengths_with_title_and_names_in_front(suffix: str, max_tokens: int) -> None:
    text, marks = unmarked(LANGUAGES[suffix])
    document = Document("a" + suffix, text, "Shop and basket")
    c = chunker("minilm", max_tokens, render=rendered, labelled=True)
    passages = c.split(document)
    check(document, passages)
    title = c.fit_title(document.title)
    for p in passages:
        finished = rendered(title, p.text, c.fit_label(title, p.label))
        assert COUNTS["minilm"](finished) <= max_tokens
    said = [s + "." for p in passages for s in p.symbol.split(", ") if s]
    for symbol in (s + "." for s, _ in marks if s):  # itself, or what it is in, or what is in it
        assert any(symbol.startswith(s) or s.startswith(symbol) for s in said), symbol


@suffixes
def test_bytes_are_not_characters(suffix: str) -> None:
    text = unmarked(LANGUAGES[suffix]).text
    ascii_only = "".join(c if c.isascii() else "o" for c in text)
    longest = "".join(c if c.isascii() else "🧺" for c in text)

    def spans(source: str) -> list[tuple[int, int, str]]:
        found = split("a" + suffix, source, 220, "chars")
        return [(p.start, p.end, p.symbol) for p in found]

    assert len(spans(text)) > 2
    assert spans(text) == spans(ascii_only) == spans(longest)


def test_a_byte_order_mark_and_windows_lines() -> None:
    text, wanted = unmarked(LANGUAGES[".py"])
    assert places(split("a.py", "\ufeff" + text)) == wanted
    assert places(split("a.py", text.replace("\n", "\r\n"))) == wanted


def test_only_tiny_definitions_are_joined() -> None:
    text = "".join(f"def f{i}():\n    return {i}\n\n\n" for i in range(40))
    passages = split("a.py", text)
    room = 62 // JOINED
    for p in passages:
        names = p.symbol.split(", ")
        assert p.text.count("def ") == len(names)
        assert COUNTS["minilm"](p.text) - 2 <= room
    for p, after in pairwise(passages):  # one more would have been too many
        end = text.index("\n\n", after.start)
        assert COUNTS["minilm"](text[p.start : end]) - 2 > room
    assert any(", " in p.symbol for p in passages)
    assert ", ".join(p.symbol for p in passages) == ", ".join(f"f{i}" for i in range(40))


def test_what_stands_between_definitions_fills_a_passage() -> None:
    text = "".join(f"from package{i} import name{i}\n" for i in range(60))
    passages = split("a.py", text)
    assert [p.symbol for p in passages] == [""] * len(passages)
    assert all(COUNTS["minilm"](p.text) > 50 for p in passages[:-1])
    assert all(p.text.startswith("from") for p in passages)


def test_a_long_function_is_cut_and_its_pieces_say_what_they_are_of() -> None:
    body = "".join(f'        self.total += price_of("thing {i}")  # ціна\n' for i in range(30))
    text = f"class Basket:\n    # All of it.\n    def total(self):\n{body}\n    def more(self):\n"
    text += "        return 'a function of which there is not too much to say, but enough'\n"
    passages = split("a.py", text)
    *pieces, last = passages
    assert {p.symbol for p in pieces} == {"Basket.total"}
    assert len(pieces) > 10
    assert pieces[0].text.startswith("class Basket:\n    # All of it.\n    def total(self):")
    assert all(text[text.rindex("\n", 0, p.start) :][:9].isspace() for p in pieces[1:])
    assert last.symbol == "Basket.more"
    assert last.text.startswith("    def more")


def test_names_of_what_is_in_one_another() -> None:
    line = '            return "some words that fill a passage, so that methods are not joined"\n'
    text = "class A:\n    class B:\n        def c(self):\n" + line
    text += "        def d(self):\n" + line + "    def e(self):\n" + line + "def f():\n" + line
    assert [p.symbol for p in split("a.py", text, 40)] == ["A.B.c", "A.B.d", "A.e", "f"]


def test_a_file_that_is_one_passage_says_what_it_defines() -> None:
    assert [
        p.symbol for p in split("a.py", "X = 1\ndef f(): ...\nclass B:\n def g(self): ...")
    ] == ["f, B"]
    assert [p.symbol for p in split("a.py", "X = 1\n")] == [""]
    header = "#ifndef A_H\n#define A_H\n#ifdef B\nint f(void) { return 1; }\n#endif\n#endif\n"
    assert [p.symbol for p in split("a.h", header)] == ["f"]


def test_a_group_of_types_is_each_of_them() -> None:
    fields = "\t\tnames, of, many, fields, that, fill, some, tokens, one, after, another int\n"
    text = "package a\n\ntype (\n"
    text += f"\tA struct {{\n{fields}\t}}\n\t// The other.\n\tB struct {{\n{fields}\t}}\n)\n"
    assert places(split("a.go", text, 40)) == [("", 1), ("A", 3), ("B", 7)]
    assert [p.symbol for p in split("a.go", text, 128)] == ["A, B"]


def test_long_names_are_cut() -> None:
    text = (
        f"class {'A' * 90}:\n  def {'b' * 90}(self):\n    return 1\n  def c(self):\n    return 2\n"
    )
    for p in split("a.py", text, 64, "chars"):
        assert 0 < len(p.symbol) <= MAX_SYMBOL


def test_whatever_is_too_long_to_be_read_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    text = unmarked(LANGUAGES[".py"]).text
    assert MAX_TEXT > 1 << 20
    monkeypatch.setattr("qembed.corpus.chunking.chunker.MAX_TEXT", len(text) - 1)
    assert {p.symbol for p in split("a.py", text)} == {""}


# ── without a grammar ────────────────────────────────────────────────────────────────────────────

NEEDS = "needs qembed-search[code] (pip install 'qembed-search[code]')"


@pytest.fixture(params=["library", "grammar", "another time"])
def bare(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Python's grammar is absent, or all are, or it was made for another library."""
    if request.param == "another time":

        def failing(name: str) -> object:
            raise ValueError("Incompatible Language version 9. Must be between 13 and 15")

        monkeypatch.setattr(grammars, "import_module", failing)
    else:
        gone = "tree_sitter" if request.param == "library" else "tree_sitter_python"
        real = grammars.find_spec
        monkeypatch.setattr(grammars, "find_spec", lambda n: None if n == gone else real(n))
    grammars.grammar.cache_clear()
    yield
    grammars.grammar.cache_clear()


@pytest.mark.usefixtures("bare")
def test_without_its_grammar_code_is_text() -> None:
    text = unmarked(LANGUAGES[".py"]).text
    c = chunker("minilm", 64)
    assert c.kind_of("src/a.py") == "text"
    assert c.lacks("src/a.py") == c.lacks("a.PY.gz") == f"code:python {NEEDS}"
    assert c.lacks("a.md") == c.lacks("a.kt") == c.lacks("README") == ""
    assert Chunker(kind="none", max_tokens=64, overlap=0).lacks("a.py") == ""
    spans = [(p.start, p.end, p.symbol) for p in split("a.py", text)]
    assert spans == [(p.start, p.end, "") for p in split("a.txt", text)]


def test_with_its_grammar_nothing_is_lacking() -> None:
    c = chunker("minilm", 64)
    for suffix in LANGUAGES:
        assert c.kind_of(f"a{suffix}") == f"code:{grammars.language(suffix)}"
        assert c.lacks(f"a{suffix}") == ""


@pytest.mark.usefixtures("bare")
@pytest.mark.slow
def test_index_says_what_is_lacking(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    shell = Shell(tmp_path / "work")
    for name in ("a.py", "b.pyi"):
        shell.write(f"src/{name}", unmarked(LANGUAGES[".py"]).text)
    shell.write("src/c.md", "# Baskets\n\nWhat they cost.\n")
    told = f"cut as plain text 2: code:python {NEEDS}"
    plan = shell("index", "src", "--dry-run", "-v")
    assert plan.code == 0, plan.err
    rows = {line.split("\t")[1]: line.split("\t") for line in plan.out.splitlines() if "\t" in line}
    assert rows["src/a.py"][3] == "text"
    assert rows["src/a.py"][-1] == f"code:python {NEEDS}"
    assert rows["src/c.md"][3] == "markdown"
    assert NEEDS not in "".join(rows["src/c.md"])
    done = shell("index", "src", "-v")
    assert done.code == 0
    assert told in done.err
    again = shell("index", "src", "-v", "--rebuild", "--format", "json")
    assert again.json["cut_plainly"] == {f"code:python {NEEDS}": 2}
    plain = shell("index", "src", "--rebuild")
    assert f"{told}; qembed index --rebuild then cuts them anew" in plain.err
    assert NEEDS not in shell("index", "src", "--rebuild", "-q").err
    assert NEEDS not in shell("index").err
