"""A yes to a loss holds for what the question named: what is seen later is asked about before it goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.errors import UsageError
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from tests.cli.conftest import Filled, Shell

GONE = "50 of 90 documents would be deleted: gone"
FEWER = "25 of 30 documents of r.jsonl would be deleted: no longer in their file"
EMPTY = "20 of 20 documents of b have no text any more"


@pytest.fixture
def mixed(filled: Filled) -> Shell:
    """60 pages, of which 50 go, and 30 records."""

    def index(shell: Shell) -> None:
        for i in range(60):
            shell.write(f"docs/d{i:02}.md", f"page {i}\n")
        records = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(30)]
        shell.write("r.jsonl", "".join(records))
        shell.old()
        assert shell("index", "docs", "r.jsonl").code == 0

    return filled(index)


def keep_records(shell: Shell, first: int) -> None:
    lines = (shell.folder / "r.jsonl").read_text().splitlines(keepends=True)
    shell.write("r.jsonl", "".join(lines[first:]))


def remove_pages(shell: Shell, *numbers: int) -> None:
    for i in numbers:
        (shell.folder / f"docs/d{i:02}.md").unlink()


def asked(shell: Shell, yes: int, *, repair: bool = False, rebuild: bool = False) -> list[str]:
    """Questions of a run that answers so many with yes, and the next with no."""
    found: list[str] = []

    def confirm(question: str) -> bool:
        found.append(question)
        return len(found) <= yes

    options = IndexOptions(confirm=confirm, repair=repair, rebuild=rebuild)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(shell.folder)
        try:
            build(shell.folder / ".qembed", options)
            refused = ""
        except UsageError as error:
            refused = str(error)
    assert ("nothing was changed (--yes" in refused) == (found[-1] in refused) == (yes < len(found))
    return found


def foretold(shell: Shell, *options: str) -> list[str]:
    said = shell("index", "--dry-run", "-q", *options).err.splitlines()
    return [line.split("ask: ")[1].rpartition(" (--yes")[0] for line in said if "ask: " in line]


def documents(shell: Shell) -> int:
    count: int = shell("status", "--format", "json").json["documents"]
    return count


def test_records_that_are_fewer_are_asked_about_after_a_yes_to_other_losses(mixed: Shell) -> None:
    remove_pages(mixed, *range(50))
    keep_records(mixed, 25)
    assert foretold(mixed) == [GONE, FEWER]
    dry = mixed("index", "--dry-run", "--format", "json").json
    assert dry["question"] == f"{GONE}; {FEWER.replace('r.jsonl', f'{mixed.folder}/r.jsonl')}"
    assert asked(mixed, 1) == [GONE, FEWER]
    assert documents(mixed) == 90
    assert asked(mixed, 2) == [GONE, FEWER]
    assert documents(mixed) == 15


def test_a_yes_is_asked_again_only_for_most_of_what_is_left(mixed: Shell) -> None:
    remove_pages(mixed, *range(50))
    keep_records(mixed, 10)
    for i in range(50, 60):
        mixed.write(f"docs/d{i}.md", b"ab\0\0\1cd")
    binary = "10 of the other 10 documents of docs would be deleted: binary file"
    assert foretold(mixed) == [GONE, binary]
    assert asked(mixed, 9) == [GONE, binary]
    assert documents(mixed) == 20


def test_small_losses_after_a_yes_are_not_asked_about(mixed: Shell) -> None:
    remove_pages(mixed, *range(50))
    keep_records(mixed, 10)
    mixed.write("docs/d50.md", b"ab\0\0\1cd")
    assert foretold(mixed) == [GONE]
    assert asked(mixed, 9) == [GONE]
    assert documents(mixed) == 29


@pytest.mark.slow
def test_texts_that_are_empty_are_asked_about_after_a_yes_to_another_source(shell: Shell) -> None:
    for i in range(20):
        for name in ("a", "b", "c"):
            shell.write(f"{name}/{i:02}.md", f"---\ntitle: t{i}\n---\n{name} {i}\n")
    shell.old()
    assert shell("index", "a", "b", "c").code == 0
    for i in range(20):
        shell.write(f"b/{i:02}.md", f"---\ntitle: t{i}\n---\n")
        if i < 12:
            (shell.folder / f"a/{i:02}.md").unlink()
    gone = "12 of 20 documents of a would be deleted: gone"
    assert foretold(shell) == [gone, EMPTY]
    assert asked(shell, 1) == [gone, EMPTY]
    assert asked(shell, 2) == [gone, EMPTY]


def test_each_source_that_loses_most_of_its_documents_is_asked_about(shell: Shell) -> None:
    for i in range(20):
        for name in ("a", "b", "c"):
            shell.write(f"{name}/{i:02}.md", f"{name} {i}\n")
    assert shell("index", "a", "b", "c").code == 0
    for i in range(12):
        (shell.folder / f"a/{i:02}.md").unlink()
        (shell.folder / f"b/{i:02}.md").unlink()
    questions = [f"12 of 20 documents of {name} would be deleted: gone" for name in "ab"]
    assert foretold(shell) == questions
    refused = shell("index", "-q")
    assert refused.code == 2
    assert f"{'; '.join(questions)}; nothing was changed (--yes deletes" in refused.err
    assert asked(shell, 1) == questions
    assert asked(shell, 2) == questions
    assert documents(shell) == 36


@pytest.mark.slow
def test_a_repair_asks_about_what_it_finds_damaged_later(mixed: Shell) -> None:
    shard: Path = max((mixed.folder / ".qembed/shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:1000])
    keep_records(mixed, 12)
    remove_pages(mixed, 0)
    questions = [
        "1 damaged document of 90 in the index would be deleted: gone",
        "12 damaged documents of 90 in the index would be deleted: no longer in their file",
    ]
    assert foretold(mixed, "--repair") == questions
    assert asked(mixed, 1, repair=True) == questions
    assert asked(mixed, 2, repair=True) == questions
    assert documents(mixed) == 77


def test_a_rebuild_asks_about_what_it_finds_later(mixed: Shell) -> None:
    remove_pages(mixed, *range(50))
    keep_records(mixed, 25)
    assert asked(mixed, 1, rebuild=True) == [GONE, FEWER]
    assert documents(mixed) == 90
    assert asked(mixed, 2, rebuild=True) == [GONE, FEWER]
    assert documents(mixed) == 15


def test_files_that_may_have_moved_and_have_not_are_asked_about(mixed: Shell) -> None:
    remove_pages(mixed, *range(60))
    for i in range(8):  # of the same size as pages that are gone
        mixed.write(f"docs/e{i:02}.md", f"side {i}\n")
    mixed.write("docs/moved.md", "page 10\n")
    first = "51 of 90 documents would be deleted: gone"
    second = "8 of the other 9 documents of docs would be deleted: gone"
    assert foretold(mixed) == [first, second]
    assert asked(mixed, 2) == [first, second]
    assert documents(mixed) == 39


def test_a_dry_run_of_a_repair_counts_texts_that_are_empty(mixed: Shell) -> None:
    shard: Path = max((mixed.folder / ".qembed/shards").iterdir())
    shard.write_bytes(shard.read_bytes()[:1000])
    lines = (mixed.folder / "r.jsonl").read_text().splitlines(keepends=True)
    empty = [f'{{"_id": "r{i}", "text": ""}}\n' for i in (27, 28, 29)]
    mixed.write("r.jsonl", "".join([*lines[:27], *empty]))
    question = "3 damaged documents of 90 in the index have no text any more"
    assert foretold(mixed, "--repair") == [question]
    assert asked(mixed, 1, repair=True) == [question]
