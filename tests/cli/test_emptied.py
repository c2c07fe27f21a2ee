"""A run that would take the text of most documents is asked about, as one that deletes them is."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell

STUB = '<html><head><title>App</title></head><body><div id="app"></div></body></html>\n'


@pytest.fixture
def pages(shell: Shell) -> Shell:
    for i in range(12):
        shell.write(f"docs/p{i:02}.html", f"<title>Page {i}</title><p>text of page number {i}</p>")
        shell.write(f"bare/b{i:02}.md", f"---\ntitle: Bare {i}\n---\n")
    shell.old()
    assert shell("index", "docs", "bare").code == 0
    return shell


def empty(shell: Shell, numbers: range) -> None:
    for i in numbers:
        shell.write(f"docs/p{i:02}.html", STUB)


@pytest.mark.slow
def test_pages_that_lost_their_text_are_asked_about(pages: Shell) -> None:
    for i in range(12):  # without text before: no loss
        pages.write(f"bare/b{i:02}.md", f"---\ntitle: Still bare {i}\n---\n")
    empty(pages, range(6))
    done = pages("index", "-v")
    assert done.code == 0
    assert done.out.startswith("18 changed, 6 unchanged, 6 have no text any more · ")
    assert "has no text any more: docs/p00.html\n" in done.err
    assert "b00.md" not in done.err
    empty(pages, range(12))
    body = pages("index", "--format", "json").json
    assert body["emptied"] == {
        "documents": 6,
        "listed": [f"p{i:02}.html" for i in range(6, 12)],
    }, "of the twelve, six had text"


@pytest.mark.parametrize("options", [(), ("--rebuild",)])
@pytest.mark.slow
def test_the_loss_of_most_texts_changes_nothing(pages: Shell, options: tuple[str, ...]) -> None:
    empty(pages, range(11))
    for _ in range(2):  # a refused rebuild goes on where it was
        done = pages("index", *options)
        assert done.code == 2, done.out
        assert "11 of 12 documents of docs have no text any more; nothing was changed" in done.err
        assert "(--yes takes them as they are)" in done.err
    if not options:
        dry = pages("index", "--dry-run")
        assert "a run would ask: 11 of 12 documents of docs have no text any more" in dry.err
    hits = pages("query", "text of page number", "-k", "12", "--format", "jsonl").lines
    assert sum(bool(h["text"]) for h in hits) == 12
    done = pages("index", *options, "--yes")
    assert done.code == 0
    assert "11 have no text any more" in done.out


@pytest.mark.parametrize("options", [(), ("--rebuild",)])
@pytest.mark.slow
def test_front_matter_alone_is_no_text(shell: Shell, options: tuple[str, ...]) -> None:
    for i in range(12):
        shell.write(f"docs/p{i:02}.md", f"---\ntitle: Page {i}\n---\n\ntext number {i}\n")
    shell.old()
    assert shell("index", "docs").code == 0
    for i in range(12):
        shell.write(f"docs/p{i:02}.md", f"---\ntitle: Page {i}\n---\n")
    assert "12 of 12 documents have no text any more" in shell("index", "--dry-run").err
    done = shell("index", *options)
    assert done.code == 2
    assert "12 of 12 documents have no text any more" in done.err


def test_texts_that_moved_to_new_files_are_no_loss(pages: Shell) -> None:
    for i in range(12):
        old = pages.folder / f"docs/p{i:02}.html"
        old.rename(old.with_name(f"q{i:02}.html"))
        pages.write(old.relative_to(pages.folder).as_posix(), STUB)
    done = pages("index")
    assert done.code == 0, done.err


def test_text_and_files_lost_together(pages: Shell) -> None:
    empty(pages, range(8))
    for i in range(8, 11):
        (pages.folder / f"docs/p{i:02}.html").unlink()
    done = pages("index")
    assert done.code == 2
    assert "11 of 12 documents of docs would be lost: 8 have no text any more, 3 gone" in done.err


def test_records_that_lost_their_text(shell: Shell) -> None:
    rows = [f'{{"_id": "r{i}", "text": "record {i}"}}\n' for i in range(20)]
    shell.write("r.jsonl", "".join(rows))
    shell.old()
    assert shell("index", "r.jsonl").code == 0
    shell.write(
        "r.jsonl", "".join(f'{{"_id": "r{i}", "text": "", "title": "t"}}\n' for i in range(20))
    )
    done = shell("index")
    assert done.code == 2
    assert "20 of 20 documents have no text any more" in done.err
