"""Where hits are said to be: paths that open, ids that stay, nothing cut in a pipe, links on terminals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.cli.render.places import file_path, shortened, shows_links
from qembed.pipeline.retrieval.snippets.definition_lines import begins_definition, find_definition
from qembed.pipeline.retrieval.snippets.snippet import passage_snippet
from qembed.types import Hit, Passage
from tests.cli.conftest import Shell
from tests.cli.terminal import on_terminal
from tests.corpus import made

LONG = "a-folder-with-a-long-name/another-folder-with-a-long-name/guide-to-everything.md"
SENTENCE = "zebra " + " ".join(f"word{i}" for i in range(80)) + " https://example.org/" + "x" * 120


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A source of files and one of records, and a record of no file. No test changes it."""
    shell = Shell(tmp_path_factory.mktemp("mixed") / "work")
    shell.folder.mkdir()
    shell.write(f"docs/{LONG}", f"# Guide\n\n{SENTENCE}\n")
    shell.write("docs/b.md", "# Zebra\n\nA zebra walks.\n\nThe second paragraph.\n")
    shell.write("records.jsonl", json.dumps({"_id": "r/1", "text": "zebra of a record"}) + "\n")
    shell.old()
    assert shell("index", "docs", "records.jsonl").code == 0
    done = shell("add", "--meta", "user=ann", "--meta", "n=3", "--id", "m1", "zebra I remember")
    assert done.code == 0, done.err
    return shell


@pytest.mark.parametrize(
    ("path", "document", "fragment"),
    [
        ("/a/docs/b.md", "b.md", ""),
        ("/a/docs/deep/b.md", "deep/b.md", ""),
        ("/a/docs/deep/w.pdf", "deep/w.pdf#page=46", "page=46"),
        ("/a/we#ird/a#b.md", "a#b.md", ""),
        ("/a/box.mbox", "box.mbox#3/plan.xlsx#sheet=May", "3/plan.xlsx#sheet=May"),
        ("/a/r.jsonl", "r1", "r1"),
        ("/a/r.jsonl", "r.jsonl#7", "7"),
        (None, "3f", ""),
    ],
)
def test_the_part_of_the_file(path: str | None, document: str, fragment: str) -> None:
    passage = Passage(document, 0, 0, 1, "a", 1, 1)
    assert Hit(document, path, "", passage, 1.0, {}, {}).fragment == fragment


def test_a_path_that_begins_with_a_hyphen_is_no_option(tmp_path: Path) -> None:
    name = str(tmp_path / "-dash.md")
    hit = Hit("-dash.md", name, "", Passage("-dash.md", 0, 0, 1, "a", 1, 1), 1.0, {}, {})
    assert (file_path(hit, tmp_path), file_path(hit, tmp_path.parent)) == (
        "./-dash.md", f"{tmp_path.name}/-dash.md",
    )  # fmt: skip


@pytest.mark.parametrize("below", [".", "docs", "docs/a-folder-with-a-long-name"])
@pytest.mark.slow
def test_paths_open_from_where_one_stands(mixed: Shell, below: str) -> None:
    folder = Shell(mixed.folder / below)
    shown = folder.process("query", "zebra", "--format", "paths", QEMBED_CACHE=str(mixed.folder))
    paths = shown.out.splitlines()
    assert len(paths) == 3
    assert all((folder.folder / p).is_file() for p in paths)
    assert "records of no file are not shown: m1" in shown.err
    null = folder.process("query", "zebra", "--format", "paths", "-0")
    assert null.out.split("\0")[:-1] == paths
    text = folder.process("query", "zebra").out
    assert all(p in text for p in paths)


def test_pages_of_a_pdf(shell: Shell) -> None:
    pytest.importorskip("pypdfium2")
    shell.write("docs/deep/washer.pdf", made.pdf(["descale the machine", "empty the filter"]))
    shell.old()
    assert shell("index", "docs").code == 0
    assert shell("query", "filter", "-k", "1", "--format", "paths").out == "docs/deep/washer.pdf\n"
    assert re.search(
        r"docs/deep/washer\.pdf#page=2$", shell("query", "filter", "-k", "1").out, re.M
    )
    # the lines of a page's text are no lines of the file
    assert shell("query", "filter", "--vimgrep").out == "docs/deep/washer.pdf\n"
    [hit] = shell("query", "filter", "-k", "1", "--format", "jsonl").lines
    assert hit["document"] == "deep/washer.pdf#page=2"
    assert hit["path"] == str(shell.folder / "docs/deep/washer.pdf")
    assert hit["fragment"] == "page=2"
    # each file once, however many pages are found
    assert shell("query", "machine", "--format", "paths").out == "docs/deep/washer.pdf\n"


def test_nothing_is_cut_in_a_pipe(mixed: Shell) -> None:
    out = mixed("query", "zebra word7").out
    assert f"docs/{LONG}:" in out
    assert " ".join(out.split()).count(SENTENCE) == 1
    assert "…" not in out


@pytest.mark.slow
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_long_path_is_cut_in_its_middle(mixed: Shell, columns: int) -> None:
    screen, _ = on_terminal(mixed, "query", "zebra word7", columns=columns)
    [line] = [x for x in screen.display if "guide-to-everything.md" in x]
    assert re.search(r"guide-to-everything\.md:\d+\s*", line)
    assert line.startswith((" 1", " 2", " 3", " 4"))
    assert ("…" in line) == (columns < 100)
    body = [x for x in screen.display if "word1 " in x or "word9 " in x or "word20" in x]
    assert body
    assert any(x.rstrip().endswith("…") for x in screen.display if "word" in x)


def test_records_of_no_file_show_their_metadata(mixed: Shell) -> None:
    out = mixed("query", "remember", "-k", "1").out
    assert re.fullmatch(r" 1  \S+  m1\n {11}user=ann  n=3\n {11}zebra I remember\n", out)
    assert "records.jsonl#r/1:1\n" in mixed("query", "zebra record", "-k", "1").out


def test_context_shows_its_text(shell: Shell) -> None:
    parts = [f"Paragraph {n} speaks of {w}." for n, w in enumerate(["cats", "zebras", "mice"])]
    shell.write("docs/a.txt", "\n\n".join(p + " and so on" * 30 for p in parts))
    shell.old()
    assert shell("index", "docs", "--max-tokens", "130").code == 0
    alone = shell("query", "zebras", "-k", "1").out
    around = shell("query", "zebras", "-k", "1", "--context", "1").out
    assert "mice" not in alone
    assert all(p in around for p in parts)


def test_code_shows_the_line_that_defines(shell: Shell) -> None:
    pytest.importorskip("tree_sitter")
    shell.write(
        "src/basket.py",
        "class Basket:\n    # https://example.org/total says what the total of a basket is\n"
        "    # total total total\n    @cached\n    def total(self, discount):\n"
        '        """Return the total of the basket."""\n        return total_of(self)\n' + "\n" * 3
        + "    def other(self):\n        return 1\n" * 20,
    )  # fmt: skip
    shell.old()
    assert shell("index", "src", "--max-tokens", "60").code == 0
    out = shell("query", "total of a basket", "-k", "1").out
    assert out.splitlines()[1].strip() == "def total(self, discount):"
    found = shell("query", "total of a basket", "-k", "1", "--vimgrep").out
    assert found == "src/basket.py:5:5:    def total(self, discount):\n"


def test_a_later_passage_of_a_definition_shows_where_that_begins(shell: Shell) -> None:
    pytest.importorskip("tree_sitter")
    steps = "".join(
        f"\tif err := step{i}(order); err != nil {{\n\t\treturn err\n\t}}\n" for i in range(30)
    )
    shell.write(
        "src/ship.go",
        "package ship\n\n// Ship sends an order.\n// It may call Ship again.\n"
        "func Ship(order Order) error {\n" + steps
        + "\tif order.half {\n\t\treturn Ship(order.rest)\n\t}\n\treturn nil\n}\n\n"
        "func Other() int {\n\treturn 1\n}\n",
    )  # fmt: skip
    shell.old()
    assert shell("index", "src", "--max-tokens", "80").code == 0
    assert len(shell("query", "step29 order", "--format", "jsonl").lines) > 3
    for words in ("step29 order", "step15 order", "half rest order"):
        out = shell("query", words, "-k", "1").out
        assert re.search(r"src/ship\.go:5\b", out), out
        assert out.splitlines()[1].strip() == "func Ship(order Order) error {"
        number, _, inside = out.splitlines()[2].strip().partition(": ")
        lines = (shell.folder / "src/ship.go").read_text().splitlines()
        assert lines[int(number) - 1].strip() == inside
        assert any(w in inside for w in words.split())
        found = shell("query", words, "-k", "1", "--vimgrep").out
        assert found == "src/ship.go:5:1:func Ship(order Order) error {\n"
    [line] = shell("query", "step29 order", "-k", "1", "--format", "jsonl").lines
    assert line["line"] > 50
    whole = shell("query", "step29 order", "-k", "1", "--context", "1").out
    assert "step29(order)" in whole


@pytest.mark.parametrize(
    ("text", "symbol", "begins"),
    [
        ("def total(self):\n    return 1\n", "Basket.total", True),
        ("# about total\n@cached\ndef total(self):\n    return 1\n", "Basket.total", True),
        ("static int\ntotal(int n)\n{\n  return n;\n", "total", True),
        ("/* total */\ntemplate <class T>\nT total(T n) {\n", "total", True),
        ("export const total = (n) => {\n  return n\n", "total", True),
        ("    return total(n - 1)\n", "total", False),
        ("    self.total(n - 1)\n", "Basket.total", False),
        ("    x = 1\n    if total(n - 1):\n", "total", False),
        ("  n += 1;\n  total(n);\n", "total", False),
    ],
)
def test_where_a_definition_begins(text: str, symbol: str, begins: bool) -> None:
    passage = Passage("a", 1, 0, len(text), text, 9, 12, symbol=symbol)
    found = find_definition(passage)
    assert found is not None
    assert begins_definition(text, found.span) is begins


def test_the_query_chooses_among_the_definitions_of_a_passage() -> None:
    text = "def oven_temperature(c):\n    return c\n\n\ndef count_frames(hive):\n    return 3\n"
    passage = Passage("a", 0, 0, len(text), text, 1, 6, symbol="oven_temperature, count_frames")
    for query, shown in (
        ("count frames", "def count_frames(hive):"),
        ("countFrames of a hive", "def count_frames(hive):"),
        ("oven", "def oven_temperature(c):"),
        ("something else", "def oven_temperature(c):"),
    ):
        snippet = passage_snippet(query, passage)
        assert text[snippet.start : snippet.end] == shown, query


def test_vimgrep_names_the_line_of_the_sentence(mixed: Shell) -> None:
    lines = mixed("query", "second paragraph", "--vimgrep").out.splitlines()
    assert "docs/b.md:5:1:The second paragraph." in lines
    assert mixed("query", "second paragraph", "--format", "vimgrep").out.splitlines() == lines
    assert all(re.match(r"[^:]+:\d+:\d+:", line) for line in lines)


def test_null_goes_with_paths(mixed: Shell) -> None:
    done = mixed("query", "zebra", "-0")
    assert (done.code, done.out) == (2, "")
    assert "-0 goes with --format paths, not with text" in done.err


# ── rerank ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "tsv", "trec", "paths", "vimgrep"])
def test_rerank_prints_every_format(mixed: Shell, form: str) -> None:
    hits = mixed("query", "zebra walks", "--format", "jsonl").out
    done = mixed("rerank", "--model", "py:tests.encoders:shouting", "--format", form, stdin=hits)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    if form == "json":
        assert [len(q["hits"]) for q in done.json["queries"]] == [4]
        assert done.json["queries"][0]["query"] == "zebra walks"
    elif form == "text":
        assert "docs/b.md:3" in done.out
        assert "user=ann" in done.out
    else:
        assert len(lines) == (3 if form in ("paths", "vimgrep") else 4)
        assert ("m1" in done.err) == (form in ("paths", "vimgrep"))
    if form == "paths":
        assert f"docs/{LONG}" in lines
    if form == "trec":
        assert all(re.match(r"1 Q0 \S+ \d \S+ qembed", line) for line in lines)


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "tsv", "trec", "paths", "vimgrep"])
def test_a_run_too(mixed: Shell, form: str) -> None:
    mixed.write("run", mixed("query", "zebra walks", "--format", "trec").out)
    mixed.write("q.jsonl", '{"_id": "1", "text": "zebra walks"}\n')
    args = [
        "rerank",
        "--run",
        "run",
        "--queries",
        "q.jsonl",
        "--model",
        "py:tests.encoders:shouting",
    ]
    done = mixed(*args, "--format", form, "-k", "3")
    assert done.code == 0, done.err
    if form == "json":
        assert len(done.json["queries"][0]["hits"]) == 3
    elif form == "text":
        assert "docs/" in done.out
    elif form not in ("paths", "vimgrep"):  # a record of no file may be among the three
        assert len(done.out.splitlines()) == 3
    if form == "jsonl":
        trec = [line.split()[2] for line in mixed(*args, "-k", "3").out.splitlines()]
        assert [h["document"] for h in done.lines] == trec
        assert all(h["text"] and h["scores"]["rerank"] is not None for h in done.lines)


def test_hits_of_another_program_need_words_only(shell: Shell) -> None:
    lines = (
        '{"query": "late refund", "text": "Some words. A late refund is paid."}\n'
        '{"query": "late refund", "text": "x", "passage": 3, "path": 4}\n'
    )
    args = ("rerank", "--model", "py:tests.encoders:shouting", "--format")
    done = shell(*args, "text", stdin=lines)
    assert done.code == 0, done.err
    assert "A late refund is paid." in done.out
    done = shell(*args, "vimgrep", stdin=lines)
    assert done.out == ""
    assert "records of no file are not shown: hit-1 and 1 more" in done.err


# ── terminals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("width", [1, 2, 5, 12, 13, 40])
def test_shortened(width: int) -> None:
    text = "docs/中文/a-long-name.md"
    cut = shortened(text, width)
    assert shortened("short", 12) == "short"
    assert text.startswith(cut.partition("…")[0])
    assert text.endswith(cut.partition("…")[2] if "…" in cut else "")
    assert len(cut) <= width


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7000"}, True),
        ({"TERM": "xterm-256color", "VTE_VERSION": "4000"}, False),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, True),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "dumb", "VTE_VERSION": "7000"}, False),
        ({"VTE_VERSION": "7000"}, False),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, False),
    ],
)
def test_links_only_where_they_are_known_to_work(environment: dict[str, str], wanted: bool) -> None:
    assert shows_links(environment) is wanted


@pytest.mark.slow
def test_links(mixed: Shell) -> None:
    _, sent = on_terminal(mixed, "query", "walks", "-k", "1", VTE_VERSION="7000")
    url = f"file://{os.uname().nodename}{mixed.folder}/docs/b.md"
    assert re.search(rb"\x1b\]8;[^;]*;" + re.escape(url.encode()) + rb"\x1b\\", sent)
    _, sent = on_terminal(mixed, "query", "walks", "-k", "1", VTE_VERSION="7000", NO_COLOR="1")
    assert b"\x1b]8" not in sent
    done = mixed.process(
        "query", "walks", VTE_VERSION="7000", TERM="xterm-256color", FORCE_COLOR="1"
    )
    assert "\x1b]8" not in done.out


def test_places_import_nothing_heavy() -> None:
    code = (
        "import qembed.cli.render.hits, sys; print('rich' in sys.modules, 'urllib' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[0] == "False"
