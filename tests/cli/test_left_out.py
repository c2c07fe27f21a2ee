"""Parts left out of files that were read: counted in the summary, named with -v."""

from __future__ import annotations

import os
from pathlib import Path

from qembed.pipeline.indexing.summary import LeftOutStats
from qembed.types import LeftOut
from tests.cli.conftest import Shell
from tests.corpus import made

PAGE = "<main>words<img src=a.png><img src=a.png><iframe src=b.html></iframe></main>"


def test_parts_are_counted_and_named(shell: Shell) -> None:
    docs = shell.folder / "docs"
    docs.mkdir()
    (docs / "a.html").write_text(PAGE)
    (docs / "b.html").write_text("<main>only words</main>")
    plan = shell("index", "docs", "--dry-run", "-v")
    assert "left out: 2 × picture: a.png" in plan.out
    done = shell("index", "docs", "-v", "--format", "json")
    assert done.code == 0
    assert done.json["left_out"]["files"] == 1
    assert done.json["left_out"]["parts"] == 3
    where = str(docs / "a.html")
    assert done.json["left_out"]["listed"] == [
        {"path": where, "what": "picture: a.png", "count": 2},
        {"path": where, "what": "frame: b.html", "count": 1},
    ]
    assert f"left out of {where}: 2 × picture: a.png\n" in done.err
    assert f"left out of {where}: frame: b.html\n" in done.err


def test_one_line_without_v(shell: Shell) -> None:
    docs = shell.folder / "docs"
    docs.mkdir()
    for name in ("a", "b", "c"):
        (docs / f"{name}.html").write_text(f"<title>{name}</title>{PAGE}")
    done = shell("index", "docs")
    assert "3 files with parts left out: -v says which\n" in done.err
    assert "a.png" not in done.err
    for name in ("a", "b", "c"):  # a file changed just now would be read again
        os.utime(docs / f"{name}.html", (1e9, 1e9))
    shell("index")
    # nothing was read, so nothing was left out
    again = shell("index", "--format", "json")
    assert "left out" not in again.err
    assert again.json["left_out"] == {"files": 0, "parts": 0, "listed": []}


def test_the_list_ends_and_the_count_goes_on(tmp_path: Path) -> None:
    stats = LeftOutStats()
    for n in range(2000):
        stats.add_file([LeftOut(f"{n}.html", "picture", 2)])
    stats.add_file([])
    assert (stats.files, stats.parts, len(stats.listed)) == (2000, 4000, 1000)


def test_empty_files_are_left_out(shell: Shell) -> None:
    for name in ("a.md", "b.txt", "c.html", "d.rst"):
        shell.write(f"docs/{name}", " \n\n")
    done = shell("index", "docs")
    assert done.code == 2
    assert "docs: no documents there (left out: 4 empty files)" in done.err
    assert not (shell.folder / ".qembed").exists()
    shell.write("docs/e.md", "a note")
    done = shell("index", "docs", "-v")
    assert done.code == 0
    assert done.out.startswith("1 added ")
    assert "left out 4 empty files: " in done.err
    shell.write("docs/e.md", "")
    done = shell("index", "--yes", "--format", "json")
    assert done.json["documents"]["deleted"] == 1
    assert done.json["skipped"] == {"empty file": 5}


def test_what_is_not_read_is_told_once_also_after_quiet_runs(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/b.bin", b"\0\1")
    shell.write("docs/.hidden.md", "hidden")
    shell.old()
    assert shell("index", "docs", "-q").err == ""
    told = "1 hidden (--hidden reads them), 1 with an unknown suffix"
    assert f"left out    {told} (qembed index -v names them)\n" in shell("status").out
    assert shell("status", "-q").out == ""
    assert f"not read: {told}; -v" in shell("index").err
    assert "not read" not in shell("index").err
    shell.write("more/c.bin", b"\0\1")
    shell.write("more/c.md", "a note")
    assert "not read: 1 with an unknown suffix; -v" in shell("index", "more").err
    assert shell("status", "--format", "json").json["skipped"] == {
        "hidden (--hidden reads them)": 1,
        "unknown suffix": 2,
    }
    shell.write("docs/d.bin", b"\0\1")
    assert shell("index", "-q").err == ""
    shell.write("e.md", "a note")
    assert "not read: 3 with unknown suffixes, 1 hidden" in shell("index").err


def test_a_dry_run_foretells_documents_failures_and_empty_files(shell: Shell) -> None:
    shell.write("docs/a.jsonl", '{"_id": "1", "text": "one"}\n{"_id": "2", "text": "two"}\n{bad\n')
    shell.write("docs/b.md", "a note")
    shell.write("docs/c.md", "")
    shell.write("docs/d.ipynb", "no notebook")
    plan = shell("index", "docs", "--dry-run", "--format", "json")
    done = shell("index", "docs", "--format", "json")
    assert (plan.code, done.code) == (4, 4)
    for key in ("added", "failed", "unchanged"):
        assert plan.json["documents"][key] == done.json["documents"][key], key
    assert plan.json["failed"] == done.json["failed"]
    assert plan.json["skipped"] == done.json["skipped"]
    left, real = ([(f["path"], f["reason"]) for f in r.json["skipped_files"]] for r in (plan, done))
    assert left == sorted(real) != []
    assert "skip\t" not in shell("index", "docs", "--dry-run").out
    assert "skip\tdocs/c.md" in shell("index", "docs", "--dry-run", "-v").out
    assert "d.ipynb" in plan.err
    seconds = done.json["seconds"]
    parts = sum(v for k, v in seconds.items() if k != "total")
    assert abs(parts - seconds["total"]) < 0.02


def test_the_lines_of_a_dry_run_agree_with_its_total(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/bad.json", '{"a": ')
    shell.write("docs/bad.pdf", "no PDF")
    shell.write("docs/empty.txt", "")
    done = shell("index", "docs", "--dry-run")
    lines = done.out.splitlines()
    assert lines[:3] == ["add\tdocs/a.md", "fail\tdocs/bad.json", "fail\tdocs/bad.pdf"]
    assert lines[3].startswith("would: 1 added, 2 failed")
    assert lines[4] == "files: 1 markdown (6 B)"
    would = shell("index", "docs", "--dry-run", "--format", "json").json["would"]
    a, *bad = (str(shell.folder / "docs" / name) for name in ("a.md", "bad.json", "bad.pdf"))
    assert would == {"add": [a], "move": [], "read": [], "fail": bad, "delete": []}
    shell.write("docs/b.pdf", made.pdf(["text"]))
    assert "1 pdf (" in shell("index", "docs", "--dry-run").out


def test_a_dry_run_knows_the_passages_that_the_index_has(shell: Shell) -> None:
    for n in range(3):
        shell.write(f"docs/{n}.md", f"note {n}")
    assert shell("index", "docs").code == 0
    shell.write("docs/3.md", "a new note")
    dry = shell("index", "docs", "--dry-run", "--meta", "team=a")
    assert "1 passage to encode, 3 known" in dry.out
    done = shell("index", "docs", "--meta", "team=a", "--format", "json").json
    assert (done["passages"]["encoded"], done["passages"]["reused"]) == (1, 3)


def test_what_ignore_files_leave_out_is_counted_and_named(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/.ignore", "build/\n*.log\n")
    for name in ("build/b.txt", "build/c.txt", "x.log"):
        shell.write(f"docs/{name}", "text")
    done = shell("index", "docs")
    assert "not read: 2 ignored (--no-ignore reads them), 1 hidden" in done.err
    named = shell("index", "docs", "-v").err
    assert "left out 2 ignored (--no-ignore reads them): docs/build/, docs/x.log" in named
    shell.write("docs/empty.txt", "")
    assert "left out 1 empty file: docs/empty.txt" in shell("index", "docs", "-v").err
