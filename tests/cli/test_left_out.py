"""Parts left out of files that were read: counted in the summary, named with -v."""

from __future__ import annotations

import os
from pathlib import Path

from qembed.pipeline.indexing.summary import LeftOutStats
from qembed.types import LeftOut
from tests.cli.conftest import Shell

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
    assert "d.ipynb" in plan.err
    seconds = done.json["seconds"]
    parts = sum(v for k, v in seconds.items() if k != "total")
    assert abs(parts - seconds["total"]) < 0.02
