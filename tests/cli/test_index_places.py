"""Names of files that `index` prints: they open from the current folder, and are absolute in JSON."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def two(shell: Shell) -> Shell:
    """An index of two folders with files of the same names, and of a file."""
    for folder in ("docs", "other"):
        shell.write(f"{folder}/a.md", f"a note of {folder}")
        shell.write(f"{folder}/sub/b.md", f"a second note of {folder}")
        shell.write(f"{folder}/empty.txt", "")
    shell.write("single.txt", "a text")
    assert shell("index", "docs", "other", "single.txt").code == 0
    shell.write("docs/new.md", "a new note")
    shell.write("other/new.md", "another new note")
    for gone in ("docs/a.md", "other/sub/b.md", "single.txt"):
        (shell.folder / gone).unlink()
    return shell


FOUND = {
    ("add", "docs/new.md"),
    ("add", "other/new.md"),
    ("delete", "docs/a.md"),
    ("delete", "other/sub/b.md"),
    ("delete", "single.txt"),
}
SKIPPED = {("skip", "docs/empty.txt"), ("skip", "other/empty.txt")}


@pytest.mark.parametrize("folder", [".", "docs"])
def test_lines_of_a_dry_run_open_from_the_current_folder(two: Shell, folder: str) -> None:
    here = Shell(two.folder / folder)
    options = ("--index", str(two.folder / ".qembed"), "--allow-missing", "--dry-run", "-v")
    done = here("index", *options)
    lines = [line.split("\t")[:2] for line in done.out.splitlines() if "\t" in line]
    seen = {(verb, str((here.folder / path).relative_to(two.folder))) for verb, path in lines}
    assert seen == FOUND | SKIPPED
    assert ["add", "new.md" if folder == "docs" else "docs/new.md"] in lines
    first = "empty.txt" if folder == "docs" else "docs/empty.txt"
    assert f"left out 2 empty files: {first}, " in done.err


def test_paths_in_json_are_absolute(two: Shell) -> None:
    would = two("index", "--allow-missing", "--dry-run", "--format", "json").json["would"]
    paths = {(verb, path) for verb, found in would.items() for path in found}
    assert paths == {(verb, str(two.folder / path)) for verb, path in FOUND}
    done = two("index", "--allow-missing", "--format", "json").json
    assert done["skipped_files"] == [
        {
            "path": str(two.folder / folder / "empty.txt"),
            "source": str(two.folder / folder),
            "file": "empty.txt",
            "reason": "empty file",
        }
        for folder in ("docs", "other")
    ]


def test_odd_names_are_written_as_a_shell_reads_them(shell: Shell) -> None:
    shell.write("-a.md", "one")
    shell.write("b\tc.md", "two")
    lines = shell("index", ".", "--dry-run").out.splitlines()
    assert lines[:2] == ["add\t./-a.md", "add\t$'b\\tc.md'"]
