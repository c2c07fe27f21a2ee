"""Sources of a project file: their filters, and what the index remembers of them."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell
from tests.cli.project_file import documents, project, settings


@pytest.mark.slow
def test_index_reads_the_projects_sources_without_its_excludes(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/drafts/b.md", "a draft note")
    shell.write("more/c.md", "another note")
    project(shell, 'sources = ["docs"]\nexclude = ["drafts/"]\n')
    done = shell("index")
    assert done.code == 0, done.err
    assert documents(shell) == ["a.md"]
    # an option wins; what was added by hand is refreshed with the project's sources
    assert shell("index", "more", "--exclude", "none").code == 0
    shell.write("more/d.md", "a later note")
    shell.write("docs/e.md", "one more note")
    assert shell("index").code == 0
    assert documents(shell) == ["a.md", "c.md", "d.md", "e.md"]
    assert shell("index", "--rebuild").code == 0
    assert documents(shell) == ["a.md", "c.md", "d.md", "e.md"]


@pytest.mark.slow
def test_the_projects_sources_keep_what_the_index_remembers_of_them(shell: Shell) -> None:
    for name in ("a", "b", ".hidden"):
        shell.write(f"docs/{name}.md", f"text of {name}")
    args = ["--exclude", "a*", "--hidden", "--meta", "team=x"]
    assert shell("index", "docs", *args).code == 0
    project(shell, 'sources = ["docs"]\n')
    assert "2 unchanged" in shell("index").out
    told = [line.split() for line in shell("config").out.splitlines()]
    assert ["exclude", "a*", "index"] in told
    hits = shell("query", "text", "--where", "team = 'x'", "--format", "jsonl").lines
    assert sorted(h["document"] for h in hits) == [".hidden.md", "b.md"]
    # an option without PATH is remembered, too; with PATH all settings are the command's
    assert shell("index", "--exclude", "b*", "--yes").code == 0
    assert shell("index").code == 0
    assert documents(shell) == [".hidden.md", "a.md"]
    assert shell("index", "docs", "--yes").code == 0
    assert documents(shell) == ["a.md", "b.md"]


@pytest.mark.slow
def test_a_filter_that_the_project_has_no_more_is_forgotten(shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.write(f"docs/{name}.md", f"text of {name}")
    for sources in ("", 'sources = ["docs"]\n'):
        path = [] if sources else ["docs"]
        project(shell, f'{sources}exclude = ["a.md"]\n')
        assert shell("index", *path).code == 0
        assert documents(shell) == ["b.md", "c.md"]
        project(shell, sources)
        assert settings(shell)["exclude"]["value"] is None
        assert "1 added" in shell("index").out
        assert documents(shell) == ["a.md", "b.md", "c.md"]
        # one of the command line stays, beside the project's and after it
        assert shell("index", "--exclude", "b.md").code == 0
        project(shell, f"{sources}max_file_size = 12\n")
        assert shell("index").code == 0
        project(shell, sources)
        assert shell("index").code == 0
        assert documents(shell) == ["a.md", "c.md"]
        assert settings(shell)["exclude"]["value"] == ["b.md"]
        assert shell("index", "docs").code == 0


@pytest.mark.slow
def test_excludes_hold_for_remembered_sources_too(shell: Shell) -> None:
    for name in ("a", "b", "c"):
        shell.write(f"docs/{name}.md", f"a note {name}")
    assert shell("index", "docs", "--exclude", "a.md").code == 0
    assert documents(shell) == ["b.md", "c.md"]
    project(shell, 'exclude = ["c.md"]\n')
    assert shell("index").code == 0
    assert documents(shell) == ["a.md", "b.md"]
    assert shell("index", "--exclude", "b.md").code == 0
    assert documents(shell) == ["a.md", "c.md"]
