"""Runs that find nothing leave no index, and runs that change nothing commit nothing."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


@pytest.mark.parametrize("command", [("add", "-"), ("index", "-")])
@pytest.mark.parametrize("given", ["", "\n \n"])
def test_an_empty_stdin_makes_no_index(shell: Shell, command: tuple[str, ...], given: str) -> None:
    done = shell(*command, stdin=given)
    assert done.code == 2
    assert "stdin: no documents there (empty)" in done.err
    assert not (shell.folder / ".qembed").exists()


@pytest.mark.parametrize("command", [("add", "-"), ("index", "-")])
def test_an_empty_stdin_changes_no_index(shell: Shell, command: tuple[str, ...]) -> None:
    assert shell("add", "a thing").code == 0
    done = shell(*command)
    assert done.code == 0
    assert "stdin is empty" in done.err
    assert "generation 1 " in done.out


HALTED = """
import os, signal
from tests.encoders import bag
begun = []
def halted():
    if not begun:
        begun.append(True)
        os.kill(os.getpid(), signal.SIGINT)
    return bag()
"""


@pytest.mark.slow
@pytest.mark.parametrize("command", [("index", "docs"), ("add", "a note")])
def test_a_first_run_that_is_stopped_before_a_commit_leaves_no_index(
    shell: Shell, command: tuple[str, ...]
) -> None:
    shell.write("halting.py", HALTED)
    shell.write("docs/a.md", "a note")
    done = shell.process(*command, "--model", "py:halting:halted")
    assert done.code == 130
    assert done.out == "interrupted before anything was indexed: there is no index yet\n"
    assert not (shell.folder / ".qembed").exists()
    assert "no index" in shell("query", "note").err


def test_inputs_that_still_cannot_be_read_make_no_generation(shell: Shell) -> None:
    shell.write("docs/a.md", "a note")
    shell.write("docs/b.ipynb", "no notebook")
    shell.write("docs/c.jsonl", '{"_id": "1", "text": "one"}\n{bad\n{"_id": "2", "text": "two"}\n')
    shell.old()
    first = shell("index", "docs", "--format", "json")
    assert (first.code, first.json["generation"]) == (4, 1)
    for _ in range(2):
        again = shell("index", "--format", "json")
        assert (again.code, again.json["generation"]) == (4, 1)
        assert "b.ipynb" in again.err
        assert "c.jsonl:2: not JSON" in again.err
        assert again.json["documents"]["unchanged"] == 3
    # what changes in such a file is seen, and so is its mending
    shell.write("docs/c.jsonl", '{"_id": "1", "text": "one"}\n{bad\n{"_id": "2", "text": "too"}\n')
    shell.old("docs/c.jsonl")
    assert shell("index", "--format", "json").json["generation"] == 2
    shell.write("docs/c.jsonl", '{"_id": "1", "text": "one"}\n{"_id": "2", "text": "too"}\n')
    shell.old("docs/c.jsonl")
    (shell.folder / "docs/b.ipynb").unlink()
    mended = shell("index", "--format", "json")
    assert (mended.code, mended.json["generation"]) == (0, 3)
    assert shell("index", "--format", "json").json["generation"] == 3


def test_documents_that_the_model_refuses_make_no_generation(shell: Shell) -> None:
    shell.write("r.jsonl", '{"_id": "1", "text": "one"}\n{"_id": "2", "text": "a poisoned one"}\n')
    shell.old()
    for _ in range(3):
        done = shell("index", "r.jsonl", "--model", "py:tests.encoders:nan", "--format", "json")
        assert (done.code, done.json["generation"]) == (4, 1), done.err


@pytest.mark.parametrize(
    "args",
    [
        ("index", "--wait", "-1"),
        ("index", "--wait", "nan"),
        ("add", "x", "--wait", "-1"),
        ("forget", "--where", "id = 'x'", "--wait", "-0.1"),
        ("index", "docs", "--index", "new", "--max-tokens", "0"),
        ("index", "--max-tokens", "0"),
        ("index", "docs", "--index", "new", "--overlap", "-1"),
        ("index", "docs", "--index", "new", "--dim", "0"),
        ("query", "x", "--min-score", "nan"),
        ("query", "x", "--context", "-1"),
        ("eval", "--latency", "-1"),
        ("eval", "--ef", "0"),
    ],
)
def test_numbers_out_of_range_are_refused(docs: Shell, args: tuple[str, ...]) -> None:
    done = docs(*args)
    assert done.code == 2
    option = next(a for a in reversed(args) if a.startswith("--"))
    assert option in done.err
    assert not (docs.folder / "new").exists()
