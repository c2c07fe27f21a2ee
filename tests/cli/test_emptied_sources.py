"""A source that loses all of its documents is told, however small it is and however quiet the run."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Filled, Shell


@pytest.fixture
def small(filled: Filled) -> Shell:
    """Two sources of 5 and 3 documents, one of them above a third one."""

    def index(shell: Shell) -> None:
        for i in range(5):
            shell.write(f"docs/d{i}.md", f"page {i}\n")
        for i in range(3):
            shell.write(f"notes/n{i}.md", f"note {i}\n")
        shell.old()
        assert shell("index", "docs", "notes").code == 0

    return filled(index)


def test_an_empty_folder_is_told_in_a_quiet_run(small: Shell) -> None:
    for i in range(5):
        (small.folder / f"docs/d{i}.md").unlink()
    dry = small("index", "--dry-run", "-q")
    line = "docs: the source would become empty, it has 5 documents (gone)"
    assert (dry.code, dry.err) == (0, f"qembed: {line}\n")
    done = small("index", "-q")
    line = "docs: the source has become empty, it had 5 documents (gone)"
    assert (done.code, done.out, done.err) == (0, "", f"qembed: {line}\n")
    assert small("index", "-q").err == "", "once"


def test_records_that_are_all_gone_and_options_that_ask_for_it(small: Shell) -> None:
    small.write("r.jsonl", '{"_id": "1", "text": "one"}\n')
    assert small("index", "r.jsonl", "-q").err == ""
    small.write("r.jsonl", "")
    done = small("index", "--format", "json")
    assert done.json["emptied_sources"] == {str(small.folder / "r.jsonl"): 1}
    assert "r.jsonl: the source has become empty, it had 1 document" in done.err
    (small.folder / "docs").rename(small.folder / "away")
    assert "has become empty" not in small("index", "--allow-missing").err


def test_a_source_whose_documents_another_has_is_not_empty(small: Shell) -> None:
    (small.folder / "docs/sub").mkdir()
    for i in range(5):
        (small.folder / f"docs/d{i}.md").rename(small.folder / f"docs/sub/d{i}.md")
    done = small("index", "-q", "docs/sub", "docs")
    assert (done.code, done.err) == (0, "")
