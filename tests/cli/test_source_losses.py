"""A source that is named inside another one, and a rebuild of some sources, lose nothing without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Filled, Shell


@pytest.fixture
def records(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        lines = [f'{{"text": "record number {i}", "name": "n{i}"}}\n' for i in range(20)]
        shell.write("recs/a.jsonl", "".join(lines))
        for i in range(30):
            shell.write(f"other/t{i}.txt", f"other text {i}")
        shell.old()
        assert shell("index", "recs", "other").code == 0

    return filled(index)


def documents(shell: Shell) -> int:
    count: int = shell("status", "--format", "json").json["documents"]
    return count


@pytest.mark.parametrize("option", ["--text-field", "--id-field"])
@pytest.mark.slow
def test_a_wrong_field_of_a_nested_source_keeps_what_was_known(records: Shell, option: str) -> None:
    dry = records("index", "recs/a.jsonl", option, "body", "--dry-run")
    assert "20 failed, 20 unchanged" in dry.out
    assert "delete" not in dry.out
    done = records("index", "recs/a.jsonl", option, "body")
    assert done.code == 4
    assert done.out.startswith("20 failed, 20 unchanged"), done.out
    assert documents(records) == 50
    generation = records("status", "--format", "json").json["generation"]
    assert "a source of its own now" in done.err
    again = records("index")  # as remembered
    assert (again.code, documents(records)) == (4, 50)
    assert "a source of its own now" not in again.err, "said once"
    kept = {"source": "recs", "owner": "recs/a.jsonl", "documents": 20}
    assert records("status", "--format", "json").json["kept"] == [kept]
    told = "20 documents of recs in files that recs/a.jsonl has now and cannot read"
    assert told in records("status", "-q").out
    assert records("status", "--format", "json").json["generation"] == generation
    mended = records("index", "recs/a.jsonl", option, "text" if "text" in option else "name")
    assert (mended.code, documents(records)) == (0, 50)
    assert records("status", "--format", "json").json["kept"] == []
    assert "20 moved" in mended.out or "20 added" in mended.out, mended.out


def test_a_nested_file_that_is_read_in_part_keeps_the_rest(records: Shell) -> None:
    lines = [f'{{"text": "record number {i}", "body": "n{i}"}}\n' for i in range(5)]
    lines += [f'{{"text": "record number {i}"}}\n' for i in range(5, 20)]
    records.write("recs/a.jsonl", "".join(lines))
    done = records("index", "recs/a.jsonl", "--text-field", "body", "--format", "json")
    assert done.code == 4
    assert done.json["documents"]["failed"] == 15
    found = records("query", "record number 12", "-k", "1", "--format", "jsonl").lines
    assert found[0]["text"].strip() == "record number 12"
    assert documents(records) in (50, 55)


def test_records_that_have_left_a_nested_file_are_asked_about(records: Shell) -> None:
    lines = (records.folder / "recs/a.jsonl").read_text().splitlines(keepends=True)
    records.write("recs/a.jsonl", "".join(lines[:5]))
    question = "15 of 20 documents of recs would be deleted: "
    dry = records("index", "recs/a.jsonl", "--text-field", "name", "--dry-run")
    assert question in dry.err
    done = records("index", "recs/a.jsonl", "--text-field", "text", "--id-prefix", "file")
    assert done.code == 2
    assert question in done.err
    assert documents(records) == 50


def test_a_rebuild_says_what_it_does_not_keep(shell: Shell, tmp_path: Path) -> None:
    for name in ("d/1", "d/2", "d/3", "d/4", "e/1", "e/2", "e/3"):
        shell.write(f"{name}.txt", f"text of {name}")
    shell.write("e/r.jsonl", '{"text": "one"}\n')
    assert shell("index", "d", "e").code == 0
    why = "their source is not named (--rebuild without PATH keeps all)"
    dry = shell("index", "--rebuild", "e", "--dry-run")
    assert f"4 deleted ({why})" in dry.out
    assert "delete\td/1.txt" in dry.out
    shell.write("e/r.jsonl", '{"text": ')
    body = shell("index", "--rebuild", "e", "--format", "json").json
    assert body["documents"]["deleted"] == 5
    assert body["deleted_why"] == {why: 4, "could not be read or encoded": 1}
    # the same files by other sources are no loss
    assert shell("index", "--rebuild", ".").code == 4
    body = shell("index", "--rebuild", "d", "e", "--format", "json").json
    assert body["documents"] | {"failed": 0} == {
        "added": 7, "changed": 0, "moved": 0, "unchanged": 0, "deleted": 0, "failed": 0
    }  # fmt: skip


def test_verify_names_the_options_that_a_run_needs(records: Shell) -> None:
    (records.folder / "recs").rename(records.folder / "away")
    (records.folder / "other/t1.txt").unlink()
    records.write("other/t2.txt", "another text")
    found = records("verify", "--no-model", "--format", "json").json["findings"]
    back = "bring the source that is gone back, or "
    assert [f["mend"] for f in found] == [
        "bring it back, or qembed index --allow-missing",
        f"{back}qembed index --allow-missing",
        f"{back}qembed index --verify-content --allow-missing",
    ]
    assert records("index").code == 2
    assert records("index", "--verify-content", "--allow-missing").code == 0
    assert records("verify", "--no-model").code == 0


def test_files_that_have_become_binary_are_the_reason(shell: Shell) -> None:
    for i in range(20):
        shell.write(f"docs/{i}.md", f"note {i}")
    assert shell("index", "docs").code == 0
    for i in range(15):
        (shell.folder / f"docs/{i}.md").write_bytes(b"ab\0\0\1cd")
    done = shell("index")
    assert done.code == 2
    assert "15 of 20 documents would be deleted: binary file" in done.err
    assert shell("index", "--yes", "--format", "json").json["deleted_why"] == {"binary file": 15}


def test_files_that_are_not_read_are_no_empty_mount(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/p{i:02}.md", f"page number {i}")
    assert shell("index", "docs").code == 0
    for i in range(12):
        page = shell.folder / f"docs/p{i:02}.md"
        page.rename(page.with_name(f".{page.name}" if i < 5 else f"{page.name}.unk"))
    done = shell("index")
    assert done.code == 2
    assert (
        "12 of 12 documents are gone from docs; there and not read: 7 with unknown suffixes, 5 hidden "
        "(--hidden reads them); nothing was changed"
    ) in done.err


@pytest.mark.parametrize("option", [("--include", "*.mdx"), ("--max-file-size", "1")])
@pytest.mark.slow
def test_a_nested_source_loses_most_of_its_documents_after_a_question_alone(
    records: Shell, option: tuple[str, str]
) -> None:
    """Half of the outer source, and all of the folder that is named."""
    for i in range(30):
        records.write(f"other/inner/n{i}.txt", f"text within {i}")
    records.old()
    assert records("index").code == 0
    refused = records("index", "other/inner", *option)
    assert refused.code == 2
    assert "30 of 30 documents of other/inner would be deleted" in refused.err
    assert documents(records) == 80
    assert records("index", "other/inner", *option, "--yes").code == 0
    assert documents(records) == 50
    named = records("index", "other/t1.txt", "--exclude", "*.txt", "--dry-run")
    assert named.code == 0, named.err
