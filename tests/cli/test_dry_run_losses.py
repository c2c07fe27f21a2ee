"""A dry run asks what a run asks, and tells what it would delete."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

pytestmark = pytest.mark.slow


def test_a_dry_run_asks_about_records_that_are_gone(shell: Shell) -> None:
    lines = [f'{{"_id": "{n}", "text": "record {n}"}}\n' for n in range(60)]
    shell.write("r.jsonl", "".join(lines))
    assert shell("index", "r.jsonl").code == 0
    shell.write("r.jsonl", "".join(lines[:20]))
    question = "40 of 60 documents would be deleted: no longer in their file"
    dry = shell("index", "--dry-run")
    assert f"a run would ask: {question}" in dry.err
    assert question in shell("index").err
    shell.write("more.jsonl", "".join(lines[30:]))
    assert "would ask" not in shell("index", "r.jsonl", "more.jsonl", "--dry-run").err
    shell.write("r.jsonl", "".join([*lines[:20], "{"]))  # a run keeps what it cannot compare
    assert "would ask" not in shell("index", "--dry-run").err


def test_a_dry_run_deletes_what_a_run_finds_empty(shell: Shell) -> None:
    for i in range(9):
        shell.write(f"docs/d{i}.txt", f"text page {i}")
    shell.old()
    assert shell("index", "docs").code == 0
    for i in range(3):
        shell.write(f"docs/d{i}.txt", b"ab\0\0\1cd")
    shell.write("docs/d3.txt", "")
    dry = shell("index", "--dry-run", "--format", "json").json
    assert [f"delete\tdocs/d{i}.txt" for i in range(4)] == shell(
        "index", "--dry-run"
    ).out.splitlines()[:4]
    done = shell("index", "--format", "json").json
    assert done["documents"]["deleted"] == 4
    for key in ("documents", "deleted_why", "skipped"):
        assert dry[key] == done[key], key


def test_a_dry_run_asks_about_files_that_a_run_finds_empty(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/d{i}.txt", f"text page {i}")
    shell.old()
    assert shell("index", "docs").code == 0
    for i in range(8):
        shell.write(f"docs/d{i}.txt", b"ab\0\0\1cd")
    asked = "8 of 12 documents would be deleted: binary file"
    assert f"a run would ask: {asked}" in shell("index", "--dry-run").err
    done = shell("index")
    assert (done.code, asked in done.err) == (2, True), done.err


def test_a_dry_run_foretells_no_question_that_a_run_does_not_ask(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/d{i}.txt", f"text page {i}")
        shell.write(f"notes/n{i}.txt", f"text note {i}")
    assert shell("index", "docs", "notes").code == 0
    (shell.folder / "docs").rename(shell.folder / "away")
    for more in ([], ["--rebuild"]):
        dry = shell("index", "--allow-missing", "--dry-run", *more)
        assert "would ask" not in dry.err
        assert "12 deleted (gone)" in dry.out
    for i in range(3):
        (shell.folder / f"notes/n{i}.txt").unlink()
        shell.write(f"notes/m{i}.txt", b"ab\0\0\1cd")
    dry = shell("index", "--allow-missing", "--dry-run")
    assert "would ask" not in dry.err
    assert shell("index", "--allow-missing").code == 0


def test_a_dry_run_tells_a_renamed_folder_as_moves(shell: Shell) -> None:
    for i in range(11):
        shell.write(f"s/old/o{i}.txt", f"text page {i}")
    assert shell("index", "s").code == 0
    (shell.folder / "s/old").rename(shell.folder / "s/new")
    (shell.folder / "s/new/o0.txt").unlink()
    lines = shell("index", "--dry-run").out.splitlines()
    assert [line.split("\t")[0] for line in lines[:11]] == ["move"] * 10 + ["delete"]
    assert lines[0] == "move\ts/old/o1.txt\ts/new/o1.txt"
    assert lines[10] == "delete\ts/old/o0.txt"
    assert lines[11] == "would: 10 moved, 1 deleted (gone) (nothing was written)"
    assert shell("index").out.startswith("10 moved, 1 deleted (gone) ·")


def test_a_dry_run_with_yes_says_what_a_run_deletes_unasked(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/d{i}.txt", f"text page {i}")
    assert shell("index", "docs").code == 0
    for i in range(8):
        (shell.folder / f"docs/d{i}.txt").unlink()
    question = "8 of 12 documents would be deleted: gone"
    dry = shell("index", "--dry-run")
    assert f"a run would ask: {question} (--yes deletes them from the index)" in dry.err
    dry = shell("index", "--dry-run", "--yes")
    assert f"a run does not ask, for --yes: {question}\n" in dry.err
    assert "would ask" not in dry.err
    assert shell("index", "--dry-run", "--yes", "--format", "json").json["question"] is None


def test_a_dry_run_says_what_yes_does_to_texts(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/d{i}.html", f"<p>text page {i}</p>")
    shell.old()
    assert shell("index", "docs").code == 0
    for i in range(8):
        shell.write(f"docs/d{i}.html", "<script>fill()</script>")
    said = "8 of 12 documents have no text any more (--yes takes them as they are)"
    assert f"a run would ask: {said}" in shell("index", "--dry-run").err
    assert f"{said.replace(' (', '; nothing was changed (')}" in shell("index").err
