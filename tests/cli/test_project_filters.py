"""Filters of a project file hold for all sources of a run without PATH, and a refusal names their line."""

from __future__ import annotations

import pytest

from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.indexing.watching import refresh_options
from qembed.pipeline.recipe import RecipeOptions
from tests.cli.conftest import Filled, Shell


@pytest.fixture
def two(filled: Filled) -> Shell:
    def index(shell: Shell) -> None:
        for i in range(6):
            shell.write(f"docs/page{i}.md", f"a page {i}")
        rows = "".join(f"{i},row number {i}\n" for i in range(5))
        shell.write("data/items.csv", f"id,text\n{rows}")
        shell.write("data/more.txt", "one more text\nin the folder")
        shell.old()
        assert shell("index", "docs", "data").code == 0

    return filled(index)


def test_an_exclude_holds_for_remembered_sources_beside_the_projects(two: Shell) -> None:
    for options, text in ((), 'exclude = ["items.csv"]\n'), (("--exclude", "items.csv"), ""):
        two.write(".qembed.toml", f'sources = ["docs"]\n{text}')
        dry = two("index", "--dry-run", *options)
        assert "5 deleted (filtered by --exclude 'items.csv')" in dry.out
        done = two("index", *options)
        assert done.code == 0, done.err
        assert "5 deleted (filtered by --exclude 'items.csv'), 7 unchanged" in done.out
        assert "7 unchanged" in two("index", *options).out
        if text:  # it goes when the file has it no more
            two.write(".qembed.toml", 'sources = ["docs"]\n')
            assert "5 added, 7 unchanged" in two("index").out


def test_a_refusal_names_the_line_of_the_filter(two: Shell) -> None:
    for i in range(6):
        two.write(f"docs/leaf{i}.md", f"a leaf {i}")
    two.write("data/big.csv", "id,text\n" + "".join(f"b{i},big row {i}\n" for i in range(20)))
    assert two("index").code == 0
    file = two.write(".qembed.toml", 'sources = ["docs"]\n\n\nexclude = ["*e*.md"]\n')
    done = two("index")
    assert done.code == 2
    assert "12 of 12 documents of docs would be deleted: filtered by --exclude" in done.err
    assert f"this is from {file}:4" in done.err


def test_runs_of_other_commands_keep_what_the_project_file_sets(
    two: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `watch`, and a rebuild by `update-model`, leave out what `index` leaves out."""
    two.write(".qembed.toml", 'exclude = ["items.csv", "page0.md"]\n')
    assert "6 deleted" in two("index", "--yes").out
    monkeypatch.chdir(two.folder)
    root = two.folder / ".qembed"
    for options in (
        refresh_options((), wait=0.0, yes=False),
        refresh_options(["docs"], wait=0.0, yes=False),
        IndexOptions(),
        IndexOptions(rebuild=True, recipe=RecipeOptions("py:tests.encoders:other")),
    ):
        summary = build(root, options)
        assert sum(summary.documents.values()) in (5, 6), summary.documents
        assert two("status", "--format", "json").json["documents"] == 6
    # it is still the file's, and goes with it
    two.write(".qembed.toml", "k = 3\n")
    assert "6 added" in two("index").out
    two.write(".qembed.toml", 'exclude = ["page1.md"]\nmax_file_size = "1M"\nsources = ["docs"]\n')
    options = refresh_options((), wait=0.0, yes=False)
    assert (options.paths, options.with_remembered) == (("docs",), True)
    assert (options.source.exclude, options.source.max_file_size) == (("page1.md",), 1 << 20)
    build(root, options)
    assert two("status", "--format", "json").json["documents"] == 11
