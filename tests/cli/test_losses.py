"""No run empties an index by mistake, whatever the reason, and the summary names the reasons."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.capabilities import as_others_see
from tests.cli.conftest import Filled, Shell

pytestmark = pytest.mark.slow


@pytest.fixture
def pages(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        for i in range(12):
            shell.write(f"docs/p{i:02}.md", f"# Page {i}\n\npage number {i}\n")
        shell.old()
        assert shell("index", "docs").code == 0

    return filled(index)


def settings(shell: Shell) -> object:
    return shell("status", "--format", "json").json["source_settings"]


def ids(shell: Shell) -> set[str]:
    return {h["document"] for h in shell("query", "x", "-k", "99", "--format", "jsonl").lines}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--include", "*.mdx"], "filtered by --include '*.mdx'"),
        (["--exclude", "p*"], "filtered by --exclude 'p*'"),
        (["--max-file-size", "5"], "larger than --max-file-size"),
    ],
)
@pytest.mark.slow
def test_a_wrong_filter_changes_nothing(pages: Shell, options: list[str], why: str) -> None:
    done = pages("index", "docs", *options)
    assert done.code == 2
    assert f"12 of 12 documents would be deleted: {why}" in done.err
    assert f"nothing was changed (without {options[0]} they stay, --yes deletes them" in done.err
    assert "mount" not in done.err
    assert len(ids(pages)) == 12
    assert settings(pages) == {"docs": {}}, "a refused run is not remembered"
    dry = pages("index", "docs", *options, "--dry-run")
    assert dry.code == 0
    assert f"a run would ask: 12 of 12 documents would be deleted: {why}" in dry.err
    again = pages("index", "--format", "json").json
    assert again["documents"]["unchanged"] == 12
    meant = pages("index", "docs", *options, "--yes")
    assert meant.out.startswith(f"12 deleted ({why}) · ")
    assert f"{options[0]} will be remembered: qembed index docs without it brings" in meant.err
    assert settings(pages) != {"docs": {}}
    assert pages("index", "docs").out.startswith("12 added · ")


def test_options_that_keep_some_of_the_documents_say_how_many(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/p{i:02}.txt", f"page number {i}\n")
    for i in range(4):
        shell.write(f"docs/.h{i}.md", f"hidden number {i}\n")
    shell.write("docs/a.md", "seen")
    shell.write("more/b.md", "more")
    assert (
        shell("index", "docs", "more", "--hidden", "--include", "*.md", "--include", "*.txt").code
        == 0
    )
    done = shell("index", "docs", "--include", "*.md")
    assert "12 filtered by --include '*.md', 4 hidden (--hidden reads them)" in done.err
    assert (
        "; nothing was changed (without --include 12 of them stay, --yes deletes them" in done.err
    )
    done = shell("index", "docs", "--hidden", "--rebuild", "--include", "*", "--exclude", "p*")
    assert "12 filtered by --exclude 'p*', 1 their source is not named" in done.err
    assert "(without --exclude 12 of them stay, --yes deletes them" in done.err
    assert len(ids(shell)) == 18


@pytest.mark.slow
def test_a_new_ignore_file_is_named_with_its_line(pages: Shell) -> None:
    pages.write("docs/.gitignore", "# built\n\np*\n")
    done, inside = pages("index"), Shell(pages.folder / "docs")("index", "--index", "../.qembed")
    assert (done.code, inside.code) == (2, 2)
    assert "would be deleted: ignored by docs/.gitignore:3" in done.err
    assert "would be deleted: ignored by .gitignore:3" in inside.err
    asked = pages("index", "--dry-run", "--format", "json").json["question"]
    assert asked.endswith(f"would be deleted: ignored by {pages.folder}/docs/.gitignore:3")
    pages.write("docs/.gitignore", "p0[0-3].md\n")
    body = pages("index", "--format", "json").json
    assert body["deleted_why"] == {f"ignored by {pages.folder}/docs/.gitignore:1": 4}


def test_reasons_are_counted(pages: Shell) -> None:
    (pages.folder / "docs/p00.md").unlink()
    done = pages("index", "docs", "--exclude", "p01.md", "--exclude", "p02.md")
    assert "3 deleted (1 filtered by --exclude 'p01.md', 1 filtered by" in done.out
    (pages.folder / "docs/p03.md").rename(pages.folder / "docs/q.md")
    body = pages("index", "--format", "json").json
    assert (body["documents"]["moved"], body["documents"]["deleted"]) == (1, 0)
    assert body["deleted_why"] == {}


@pytest.mark.slow
def test_hidden_files_are_kept_by_the_rule(shell: Shell) -> None:
    for i in range(12):
        shell.write(f"docs/.notes/p{i:02}.md", f"page number {i}\n")
    shell.write("docs/.git/HEAD", "x")
    shell.write("docs/.git/p.md", "never")
    shell.write("docs/a.md", "seen")
    done = shell("index", "docs")
    assert "not read: 1 hidden (--hidden reads them); -v names them" in done.err
    assert ids(shell) == {"a.md"}
    assert shell("index", "docs", "--hidden").code == 0
    assert len(ids(shell)) == 13
    assert shell("index", "--format", "json").json["documents"]["unchanged"] == 13
    assert "--hidden" in shell("status").out
    done = shell("index", "docs")
    assert done.code == 2
    assert "12 of 13 documents would be deleted: hidden (--hidden reads them)" in done.err


@pytest.mark.slow
def test_a_truncated_export_changes_nothing(shell: Shell) -> None:
    rows = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(30)]
    shell.write("faq.jsonl", "".join(rows))
    shell.old()
    assert shell("index", "faq.jsonl").code == 0
    for left in (0, 14):
        shell.write("faq.jsonl", "".join(rows[:left]))
        done = shell("index")
        assert done.code == 2
        assert f"{30 - left} of 30 documents would be deleted: no longer in their file" in done.err
        assert len(ids(shell)) == 30
    shell.write("faq.jsonl", "".join(rows[:15]))
    body = shell("index", "--format", "json").json
    assert body["deleted_why"] == {"no longer in their file": 15}


@pytest.mark.slow
def test_records_that_moved_between_files_are_no_loss(shell: Shell) -> None:
    rows = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(30)]
    shell.write("all/a.jsonl", "".join(rows))
    shell.old()
    assert shell("index", "all").code == 0
    shell.write("all/a.jsonl", "")
    shell.write("all/b.jsonl", "".join(rows))
    assert shell("index").code == 0
    assert len(ids(shell)) == 30


@pytest.mark.parametrize("how", ["records", "files", "filter"])
def test_new_documents_make_up_for_no_lost_ones(shell: Shell, how: str) -> None:
    for i in range(20):
        shell.write(f"old/a{i:02}.md", f"page number {i} of the first kind")
        shell.write(f"other/k{i:02}.md", f"page number {i} of another kind")
    rows = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(20)]
    shell.write("records/r.jsonl", "".join(rows))
    shell.old()
    assert shell("index", "old", "other", "records").code == 0
    args: tuple[str, ...] = ()
    source, why = "old", "gone"
    if how == "records":
        source, why = "records", "no longer in their file"
        shell.write("records/r.jsonl", "")
        shell.write("records/log.jsonl", "".join(r.replace("r", "log") for r in rows))
    else:
        for i in range(30):
            shell.write(f"old/new{i}.md", f"quite another matter, of which {i} things are told")
    if how == "files":
        for i in range(20):
            (shell.folder / f"old/a{i:02}.md").unlink()
    elif how == "filter":
        args, why = ("--exclude", "a*"), "filtered by --exclude 'a*'"
    for dry in ((), ("--dry-run",)):
        done = shell("index", *args, *dry)
        said = done.err if not dry else done.out + done.err
        assert done.code == (0 if dry else 2), said
        assert f"20 of 20 documents of {source} would be deleted: {why}" in said
    assert len(ids(shell)) == 60


@pytest.mark.slow
def test_a_rebuild_with_a_wrong_filter_keeps_the_index(pages: Shell) -> None:
    done = pages("index", "docs", "--rebuild", "--include", "*.mdx")
    assert done.code == 2
    assert "12 of 12 documents would be deleted: filtered by --include '*.mdx'" in done.err
    assert len(ids(pages)) == 12
    pages.write("new/a.md", "another source is meant")
    other = pages("index", "new", "--rebuild")
    assert other.code == 2
    assert "their source is not named" in other.err
    assert pages("index", "new", "--rebuild", "--yes").code == 0
    assert ids(pages) == {"a.md"}


@pytest.mark.slow
def test_a_rebuild_whose_texts_the_model_refuses_keeps_the_index(pages: Shell) -> None:
    for i in range(12):
        pages.write(f"docs/p{i:02}.md", "poison" if i else "fine")
    model = "py:tests.encoders:faulty"
    done = pages("index", "--rebuild", "--model", model, BAG_FAULT="nan")
    assert done.code == 2
    assert "11 of 12 documents would be deleted: could not be read or encoded" in done.err
    assert len(ids(pages)) == 12


def test_a_mount_is_only_suspected_where_nothing_is_left(pages: Shell) -> None:
    for i in range(11):
        (pages.folder / f"docs/p{i:02}.md").unlink()
    assert "mount" not in pages("index").err
    (pages.folder / "docs/p11.md").unlink()
    assert "(an empty mount?)" in pages("index").err


def test_a_source_below_an_unreadable_folder_changes_nothing(shell: Shell) -> None:
    shell.write("in/docs/a.md", "text")
    assert shell("index", "in/docs").code == 0
    (shell.folder / "in").chmod(0)
    try:
        with as_others_see():
            done = shell("index", "--allow-missing")
    finally:
        (shell.folder / "in").chmod(0o755)
    assert done.code == 2
    assert "cannot be reached" in done.err


def test_status_shows_the_settings_of_each_source(shell: Shell, tmp_path: Path) -> None:
    shell.write("docs/a.md", "one")
    shell.write("faq.csv", "nr,q\n1,why\n")
    assert shell("index", "docs", "--exclude", "draft s/", "--no-ignore").code == 0
    args = ["faq.csv", "--text-field", "q", "--id-field", "nr", "--column-types", "nr=text"]
    assert shell("index", *args).code == 0
    done = shell("status").out
    assert "docs: --exclude 'draft s/' --no-ignore\n" in done
    assert "faq.csv: --id-field nr --text-field q --column-types nr=text\n" in done
    assert settings(shell) == {
        "docs": {"exclude": ["draft s/"], "use_ignore": False},
        "faq.csv": {"id_field": "nr", "text_field": "q", "column_types": {"nr": "text"}},
    }


@pytest.fixture
def two_sources(pages: Shell) -> Shell:
    for i in range(40):
        pages.write(f"big/b{i:02}.txt", f"text number {i}")
    records = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(30)]
    pages.write("r.jsonl", "".join(records))
    assert pages("index", "big", "r.jsonl").code == 0
    return pages


@pytest.mark.parametrize("options", [("--include", "*.mdx"), ("--exclude", "p*")])
def test_a_source_among_others_is_not_emptied_by_a_filter(
    two_sources: Shell, options: tuple[str, str]
) -> None:
    done = two_sources("index", "docs", *options)
    assert done.code == 2
    assert "12 of 12 documents of docs would be deleted: filtered by" in done.err
    dry = two_sources("index", "docs", *options, "--dry-run")
    assert "a run would ask: 12 of 12 documents of docs would be deleted" in dry.err
    assert len(ids(two_sources)) == 82
    assert two_sources("index", "docs", *options, "--yes").code == 0
    assert len(ids(two_sources)) == 70


def test_an_empty_mount_among_other_sources_is_asked_about(two_sources: Shell) -> None:
    (two_sources.folder / "docs").rename(two_sources.folder / "away")
    (two_sources.folder / "docs").mkdir()
    done = two_sources("index")
    assert done.code == 2
    assert "12 of 12 documents are gone from docs (an empty mount?)" in done.err
    found = two_sources("verify")
    assert "--yes" in found.out + found.err
    assert len(ids(two_sources)) == 82
    for page in (two_sources.folder / "away").iterdir():  # moved to another source
        page.rename(two_sources.folder / "big" / page.name)
    assert two_sources("index").code == 0
    assert len(ids(two_sources)) == 82


def test_a_rebuild_of_one_source_does_not_drop_the_others_silently(two_sources: Shell) -> None:
    for paths, lost in (
        (["docs"], "70 of 82 documents would"),
        (["big", "r.jsonl"], "12 of 12 documents of docs"),
    ):
        done = two_sources("index", "--rebuild", *paths)
        assert done.code == 2
        assert lost in done.err
        assert "their source is not named (--rebuild without PATH keeps all)" in done.err
        dry = two_sources("index", "--rebuild", *paths, "--dry-run")
        assert f"a run would ask: {lost}" in dry.err
    assert len(ids(two_sources)) == 82
    assert two_sources("index", "--rebuild").code == 0
    assert len(ids(two_sources)) == 82
    assert two_sources("index", "--rebuild", "docs", "--yes").code == 0
    assert len(ids(two_sources)) == 12


def test_records_of_a_source_among_others_are_asked_about(two_sources: Shell) -> None:
    lines = (two_sources.folder / "r.jsonl").read_text().splitlines(keepends=True)
    two_sources.write("r.jsonl", "".join(lines[:10]))
    dry = two_sources("index", "--dry-run")
    assert "20 of 30 documents of r.jsonl would be deleted: no longer in their file" in dry.err
    done = two_sources("index")
    assert done.code == 2
    assert "20 of 30 documents of r.jsonl would be deleted: no longer in their file" in done.err
    assert len(ids(two_sources)) == 82
    renamed = [line.replace('"r', '"s') for line in lines]
    two_sources.write("r.jsonl", "".join(renamed))
    assert two_sources("index").code == 0, "as many are new"
    two_sources.write("r.jsonl", "".join(renamed[:16]))
    assert two_sources("index").code == 0, "14 of 30 are no more than half"
    assert len(ids(two_sources)) == 68
