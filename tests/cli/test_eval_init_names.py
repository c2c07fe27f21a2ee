"""`eval init` beside names that cannot be written in columns, and after an error."""

from __future__ import annotations

import subprocess

from tests.cli.conftest import Shell


def test_names_that_columns_cannot_hold_are_left_out(docs: Shell) -> None:
    docs.write("docs/new\nline.md", "a page with a line end in its name")
    docs.write("docs/a\ttab.md", "a page with a tab in its name")
    assert docs("index").code == 0
    done = docs("eval", "init")
    assert done.code == 0, done.err
    rows = (docs.folder / "retrieval/qrels.tsv").read_text().splitlines()
    assert sorted(r.split("\t")[1] for r in rows[1:]) == [
        "deep/locks.txt", "parcels.md", "refunds.md"
    ]  # fmt: skip


def test_an_error_leaves_nothing_behind(docs: Shell) -> None:
    docs.write(".github/workflows/retrieval.yml/in-the-way", "")
    done = docs("eval", "init", "--force")
    assert done.code == 2, done.out
    assert not (docs.folder / "retrieval").exists()
    (docs.folder / ".github/workflows/retrieval.yml/in-the-way").unlink()
    (docs.folder / ".github/workflows/retrieval.yml").rmdir()
    assert docs("eval", "init").code == 0


def test_records_are_told_while_there_are_some(docs: Shell) -> None:
    told = "this index has records that no file holds"
    assert docs("add", "a memory of something").code == 0
    assert told in docs("eval", "init").err
    assert docs("forget", "--where", "id != 'refunds.md'", "--purge").code == 0
    done = docs("eval", "init", "--force")
    assert done.code == 0
    assert told not in done.err


def test_names_that_begin_with_a_hyphen_are_no_options(shell: Shell) -> None:
    shell.write("-docs/1.md", "kettle")
    assert shell("index", "--no-ignore", "--", "-docs").code == 0
    done = shell("eval", "init", "--", "-docs/-try")
    assert done.code == 0, done.err
    assert "(qembed index ./-docs --no-ignore --exclude /-try/ leaves them out)" in done.err
    assert "sh ./-docs/-try/check.sh --accept && git add ./-docs/-try .github" in done.err
    # the words of its commands, which then run in this process
    command = shell.write(
        "../bin/qembed", '#!/bin/sh\nprintf "%s\\t" "$@" >> words; echo >> words\n'
    )
    command.chmod(0o755)
    env = shell.env(PATH=f"{command.parent}:/usr/bin:/bin")
    script = ["sh", "./-docs/-try/check.sh", "--accept", "--mode", "dense"]
    ran = subprocess.run(script, cwd=shell.folder, env=env, check=False, capture_output=True)
    assert (ran.returncode, b"git add ./-docs/-try/baseline.json" in ran.stderr) == (0, True), ran
    lines = (shell.folder / "words").read_text().splitlines()
    assert len(lines) == 2
    for line in lines:
        done = shell(*line.split("\t")[:-1])
        assert done.code == 0, done.err
    assert (shell.folder / "-docs/-try/baseline.json").exists()


def test_a_command_that_brings_documents_back_takes_the_folder(shell: Shell) -> None:
    for name in ("a.md", "b.md", "c.txt"):
        shell.write(f"-docs/{name}", name)
    assert shell("index", "--", "-docs").code == 0
    done = shell("index", "--exclude", "*.txt", "--", "-docs", "-", stdin='{"text": "x"}')
    assert "qembed index ./-docs - without it brings the documents back" in done.err
