"""What a refresh may and may not lose, and which files a source gives."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys

import pytest

from tests.cli.conftest import Shell
from tests.cli.index_summary import summary


def found(shell: Shell) -> list[str]:
    return sorted(h["document"] for h in shell("query", "x", "-k", "99", "--format", "jsonl").lines)


@pytest.fixture
def twenty(shell: Shell) -> Shell:
    for i in range(20):
        shell.write(f"mnt/n{i:02}.md", f"note number {i}")
    shell.old()
    assert shell("index", "mnt").code == 0
    return shell


def drop(shell: Shell, n: int) -> None:
    for i in range(n):
        (shell.folder / f"mnt/n{i:02}.md").unlink()


@pytest.mark.slow
def test_an_empty_mount_deletes_nothing_without_a_terminal(twenty: Shell) -> None:
    shutil.rmtree(twenty.folder / "mnt")
    (twenty.folder / "mnt").mkdir()
    done = twenty("index")
    assert done.code == 2
    assert "20 of 20 documents are gone from mnt" in done.err
    assert "--yes" in done.err
    assert len(found(twenty)) == 20
    dry = summary(twenty, "--dry-run")
    assert dry["documents"]["deleted"] == 20, "a dry run only says so"
    assert summary(twenty, "--yes")["documents"]["deleted"] == 20


def test_half_may_go_unasked_and_one_more_may_not(twenty: Shell) -> None:
    drop(twenty, 11)
    assert "11 of 20" in twenty("index").err
    twenty.write("mnt/n00.md", "note number 0")
    assert summary(twenty)["documents"]["deleted"] == 10


def test_renaming_everything_is_no_loss(twenty: Shell) -> None:
    for p in list((twenty.folder / "mnt").iterdir()):
        p.rename(p.with_name("new-" + p.name))
    assert summary(twenty)["documents"]["moved"] == 20


@pytest.mark.slow
def test_another_selection_is_asked_about_too(twenty: Shell) -> None:
    done = twenty("index", "mnt", "--include", "n00.md")
    assert done.code == 2
    assert "19 of 20 documents would be deleted: filtered by --include 'n00.md'" in done.err
    assert summary(twenty, "mnt", "--include", "n00.md", "--yes")["documents"]["deleted"] == 19


def test_a_small_index_is_not_asked_about(docs: Shell) -> None:
    shutil.rmtree(docs.folder / "docs")
    (docs.folder / "docs").mkdir()
    assert summary(docs)["documents"]["deleted"] == 3


@pytest.mark.parametrize(
    ("answer", "code", "left"), [("y\n", 0, 5), ("n\n", 2, 20), ("\x04", 2, 20)]
)
@pytest.mark.slow
def test_on_a_terminal_it_asks(twenty: Shell, answer: str, code: int, left: int) -> None:
    drop(twenty, 15)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "qembed", "index"],
        cwd=twenty.folder, env=twenty.env(TERM="xterm"),
        stdin=theirs, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    screen = b""
    while b"[y/N]" not in screen:
        assert select.select([ours], [], [], 60)[0], screen
        screen += os.read(ours, 4096)
    assert b"15 of 20 documents" in screen
    os.write(ours, answer.encode())
    rest = b""
    while True:
        try:
            if not (part := os.read(ours, 4096)):
                break
            rest += part
        except OSError:  # the other end is closed
            break
    assert process.wait(60) == code
    os.close(ours)
    if code:
        assert re.search(rb"\n *qembed: ", rest), (
            "the end of input ends the line of the question, too"
        )
    assert len(found(twenty)) == left


def test_a_missing_source_is_an_error_unless_allowed(shell: Shell) -> None:
    shell.write("a/one.md", "one")
    shell.write("b/two.md", "two")
    assert shell("index", "a", "b").code == 0
    shutil.rmtree(shell.folder / "b")
    done = shell("index")
    assert done.code == 2
    assert "b: the source is gone" in done.err
    assert "--allow-missing" in done.err
    assert found(shell) == ["one.md", "two.md"]
    assert summary(shell, "--allow-missing")["documents"]["deleted"] == 1
    assert found(shell) == ["one.md"]
    shell.write("a/three.md", "three")
    done = shell("index")
    assert done.code == 0, "there is nothing of it left to lose"
    assert "b: the source is still gone, without documents" in done.err
    assert found(shell) == ["one.md", "three.md"]
    shell.write("b/two.md", "two")
    assert summary(shell)["documents"]["added"] == 1, "the source itself is still remembered"


@pytest.mark.parametrize(
    ("path", "now"), [("d/in", "low.md"), ("d/in/low.md", "low.md"), ("d/in/.", "low.md")]
)
@pytest.mark.slow
def test_a_source_that_takes_files_of_another_says_how_they_are_named(
    shell: Shell, path: str, now: str
) -> None:
    shell.write("d/in/low.md", "low")
    shell.write("d/top.md", "top")
    shell.old()
    assert shell("index", "d").code == 0
    told = f"is a source of its own now: what has no id is named by its path there, {now} for in/low.md of d"
    assert told in shell("index", path, "--dry-run").err
    done = shell("index", path)
    assert done.code == 0
    assert told in done.err
    assert found(shell) == ["low.md", "top.md"]
    assert all("of its own" not in shell("index", *again).err for again in ([], [path], ["d"]))


def test_a_source_in_another_is_not_counted_twice(shell: Shell) -> None:
    shell.write("d/top.md", "top")
    shell.write("d/in/low.md", "low")
    shell.write("d/in/low.txt", "low text")
    shell.old()
    body = summary(shell, "d", "d/in", "./d/in", "d/top.md")
    assert body["documents"]["added"] == 3
    assert summary(shell)["documents"]["unchanged"] == 3
    assert summary(shell, "d")["documents"]["unchanged"] == 3, "those inside are refreshed, too"
    assert found(shell) == ["low.md", "low.txt", "top.md"]


def test_the_innermost_source_decides_in_every_run(shell: Shell) -> None:
    shell.write("d/top.md", "top")
    shell.write("d/in/low.md", "low")
    shell.write("d/in/low.txt", "low text")
    shell.old()
    assert shell("index", "d").code == 0
    args = ["d/in", "--include", "*.md", "--meta", "team=red"]
    planned, body = summary(shell, *args, "--dry-run"), summary(shell, *args)
    assert (body["documents"]["added"], body["documents"]["deleted"]) == (1, 2)
    assert body["deleted_why"] == planned["deleted_why"]
    assert body["deleted_why"] == {"in another source now": 1, "filtered by --include '*.md'": 1}
    assert [summary(shell, *o)["documents"]["unchanged"] for o in ([], ["d"])] == [2, 2]
    assert found(shell) == ["low.md", "top.md"]
    shell.write("d/in/new.md", "new")
    assert summary(shell, "d")["documents"]["added"] == 1


def test_one_folder_by_two_names_is_one(shell: Shell) -> None:
    shell.write("d/a.md", "alpha")
    (shell.folder / "link").symlink_to("d")
    assert summary(shell, "d", "link")["documents"]["added"] == 1


def test_large_files_are_left_out_and_the_limit_is_remembered(shell: Shell) -> None:
    shell.write("d/small.md", "x" * 1024)
    shell.write("d/large.md", "x" * 1025)
    shell.old()
    body = summary(shell, "d", "--max-file-size", "1K")
    assert body["documents"]["added"] == 1
    assert body["skipped"] == {"larger than --max-file-size": 1}
    assert summary(shell)["documents"]["added"] == 0
    assert summary(shell, "d/large.md", "--max-file-size", "2kb")["documents"]["added"] == 1
    done = shell("index", "d", "--max-file-size", "-3")
    assert done.code == 2
    assert "wanted bytes" in done.err


def test_a_dry_run_says_how_files_would_be_read(shell: Shell) -> None:
    shell.write("d/a.md", "# One\n\ntext\n")
    shell.write("d/r.csv", "text\none\ntwo\n")
    shell.write("d/bad.ipynb", "[]")
    shell.write("d/bin.txt", b"\0\1")
    done = shell("index", "d", "--dry-run", "-v")
    assert done.code == 4
    assert done.out.splitlines()[:4] == [
        "add\td/a.md\tmarkdown\tmarkdown\t1\t1",
        "fail\td/bad.ipynb\tnotebook\tmarkdown\t0\t0\tnot a notebook: no object",
        "add\td/r.csv\tcsv\ttext\t2\t2",
        "skip\td/bin.txt\tbinary file",
    ]
    body = shell("index", "d", "--dry-run", "-v", "--format", "json").json
    assert body["details"][3]["passages"] == 2
    assert body["details"][3]["path"] == str(shell.folder / "d/r.csv")
    assert not (shell.folder / ".qembed").exists()


def test_binary_files_are_left_out_and_no_failure(shell: Shell) -> None:
    shell.write("d/a.md", "text")
    shell.write("d/b.txt", b"\0\1")
    body = summary(shell, "d")
    assert body["skipped"] == {"binary file": 1}
    assert body["failed"] == []


def test_a_path_without_documents_says_what_is_there(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    assert shell("index", "docs").out.startswith("1 added · ")
    shell.write("pictures/b.png", "x")
    shell.write("pictures/c.png", "x")
    done = shell("index", "pictures")
    assert (done.code, done.out.partition(" · ")[0]) == (0, "nothing to read")
    assert "not read: 2 pictures, which the index's model does not read; -v names them" in done.err
    assert "would: do nothing (nothing was written)" in shell("index", "pictures", "--dry-run").out


def test_an_empty_index_says_so(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    assert shell("index", "docs").code == 0
    assert "empty" not in shell("query", "page").err
    (shell.folder / "docs/a.md").unlink()
    assert shell("index", "--yes").out.startswith("1 deleted (gone) · ")
    done = shell("query", "page")
    assert "the index is empty (qembed index PATH fills it)" in done.err
    warnings = shell("query", "page", "--format", "json").json["warnings"]
    assert warnings == ["the index is empty (qembed index PATH fills it)"]


def test_a_filter_of_the_project_is_named_by_its_place(shell: Shell) -> None:
    shell.write("docs/a.md", "a page")
    shell.write("docs/b.md", "another page")
    assert shell("index", "docs").code == 0
    file = shell.write(".qembed.toml", 'k = 3\nexclude = "b.md"\n')
    done = shell("index", "docs")
    assert done.out.startswith("1 deleted (filtered by --exclude 'b.md'), 1 unchanged")
    assert f"--exclude is from {file}:2\n" in done.err
    assert "brings the documents back" not in done.err


@pytest.mark.parametrize(
    "command", [["index", "docs"], ["index", "docs", "--dry-run"], ["add", "a text"]]
)
def test_a_folder_of_documents_is_no_place_for_an_index(docs: Shell, command: list[str]) -> None:
    before = sorted(docs.folder.rglob("*"))
    done = docs(*command, "--index", "docs")
    assert done.code == 2
    assert "docs is no index, and it holds other files (deep, parcels.md, refunds.md)" in done.err
    assert "docs/.qembed" in done.err
    assert sorted(docs.folder.rglob("*")) == before
    done = docs("index", "docs", "--index", "docs/.qembed")
    assert done.code == 0, done.err
    assert docs("query", "parcel", "--index", "docs", "--format", "paths").out


def test_settings_without_effect_are_told_once(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/drafts/b.md", "a draft")
    shell.write("docs/.hidden", "x")
    args = ["--exclude", "docs/**", "--exclude", "drafts/", "--exclude", ".hidden"]
    done = shell("index", "docs", *args, "--title-field", "head", "--column-types", "zip=text")
    told = [line for line in done.err.splitlines() if "docs: " in line]
    assert told == [
        "qembed: docs: --exclude 'docs/**' matches nothing (paths begin inside docs)",
        "qembed: docs: --title-field: no effect, it holds no records",
        "qembed: docs: --column-types: no effect, it holds no CSV",
    ]
    assert "no effect" not in shell("index").err
    shell.write("r.csv", "zip,head,text\n1,one,some\n")
    args = ["--title-field", "head", "--column-types", "zip=text"]
    assert "no effect" not in shell("index", "r.csv", *args).err
    done = shell("index", "r.csv", "--exclude", "*.csv", *args)
    assert "r.csv: --exclude: no effect on a file that is named itself" in done.err
    assert "exclude" not in shell("status", "--format", "json").json["source_settings"]["r.csv"]
    shell.write(".qembed.toml", 'sources = ["docs", "r.csv"]\nexclude = ["b.md"]\n')
    assert "exclude: no effect" not in shell("index").err
    settings = shell("status", "--format", "json").json["source_settings"]
    assert settings["docs"]["exclude"] == ["b.md"]
    assert "exclude" not in settings["r.csv"]


def test_a_pattern_without_a_match_is_told_to_quiet_runs_too(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    done = shell("index", "docs", "-q", "--exclude", "*.mdx")
    line = "qembed: docs: --exclude '*.mdx' matches nothing (paths begin inside docs)\n"
    assert (done.code, done.out, done.err) == (0, "", line)
    assert shell("index", "-q").err == ""
    done = shell("index", "docs", "-q", "--include", "*.mdx", "--yes")
    assert "docs: --include '*.mdx' matches nothing" in done.err
    shell.write("empty/a.txt", "a note")
    done = shell("index", "empty", "-q", "--include", "*.mdx")
    assert "empty holds nothing to read with --include '*.mdx'" in done.err
