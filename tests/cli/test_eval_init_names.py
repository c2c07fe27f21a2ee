"""`eval init` beside names that cannot be written in columns, and after an error."""

from __future__ import annotations

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
