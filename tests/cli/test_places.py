"""Where hits are said to be: paths that open, ids that stay, nothing cut in a pipe, links on terminals."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.cli.render.places import file_path, shortened, shows_links
from qembed.types import Hit, Passage
from tests.cli.conftest import LONG, SENTENCE, Shell
from tests.cli.terminal import on_terminal
from tests.corpus import made


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
    shown = folder("query", "zebra", "--format", "paths", QEMBED_CACHE=str(mixed.folder))
    paths = shown.out.splitlines()
    assert len(paths) == 3
    assert all((folder.folder / p).is_file() for p in paths)
    assert "records of no file are not shown: m1" in shown.err
    null = folder("query", "zebra", "--format", "paths", "-0")
    assert null.out.split("\0")[:-1] == paths
    text = folder("query", "zebra").out
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
def test_a_narrow_terminal_shows_the_number_of_the_line(mixed: Shell) -> None:
    screen, _ = on_terminal(mixed, "query", "zebra", columns=20)
    places = [x.strip() for x in screen.display if re.match(r" {4}\S", x)]
    assert len(places) == 3  # the record of no file has no line
    assert all(re.search(r"\w:\d+$", x) for x in places if x != "m1"), places


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
    # where no text is shown, the best sentence is not looked for in the neighbours either
    for format in ("vimgrep", "paths", "trec"):
        asked = ("query", "mice", "-k", "3", "--format", format)
        plain, done = shell(*asked), shell(*asked, "--context", "1")
        assert done.out == plain.out, format
        assert done.err == f"qembed: warning: --context: no effect with --format {format}\n"
        refused = shell(*asked, "--context", "-1")
        assert (refused.code, refused.err) == (2, "qembed: --context: at least 0\n")


def test_vimgrep_names_the_line_of_the_sentence(mixed: Shell) -> None:
    lines = mixed("query", "second paragraph", "--vimgrep").out.splitlines()
    assert "docs/b.md:5:1:The second paragraph." in lines
    assert mixed("query", "second paragraph", "--format", "vimgrep").out.splitlines() == lines
    assert all(re.match(r"[^:]+:\d+:\d+:", line) for line in lines)


def test_null_goes_with_paths(mixed: Shell) -> None:
    done = mixed("query", "zebra", "-0")
    assert (done.code, done.out) == (2, "")
    assert "-0 goes with --format paths, not with text" in done.err


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
