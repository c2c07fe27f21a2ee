"""`query --open` on a terminal, with a program that writes down what it is called with."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from tests.cli.conftest import Shell
from tests.cli.terminal import on_terminal

pytestmark = pytest.mark.slow
RECORDER = """
import json, sys
stdin = "" if sys.argv[-1].startswith("/") else sys.stdin.read()
open("called.json", "w").write(json.dumps([sys.argv[1:], stdin]))
"""


@pytest.fixture
def editor(docs: Shell) -> Shell:
    docs.write("editor.py", RECORDER)
    docs.write("docs/deep/long.txt", "\n\n".join(f"Paragraph {i} of zebras." for i in range(90)))
    docs.write("docs/gone.txt", "A quokka that will be gone.\n")
    assert docs("index").code == 0
    assert docs("add", "A walrus\nin\x1b[31m memory", "--id", "m1").code == 0
    (docs.folder / "docs/gone.txt").unlink()
    return docs


def opened(shell: Shell, *args: str, **env: str) -> tuple[list[str], str, str]:
    """(arguments of the program, its stdin, all that was on the terminal)."""
    (shell.folder / "called.json").unlink(missing_ok=True)
    command = f"'{sys.executable}' editor.py"
    screen, _ = on_terminal(
        shell, *args, stdin="terminal", columns=300, **{"EDITOR": command, "PAGER": command, **env}
    )
    found = shell.folder / "called.json"
    called: Any = json.loads(found.read_text()) if found.exists() else [[], ""]
    return called[0], called[1], "\n".join(line.rstrip() for line in screen.display)


def test_hits_are_opened(editor: Shell) -> None:
    path = str(editor.folder / "docs/refunds.md")
    called, _, shown = opened(editor, "query", "money comes back", "--open")
    assert called == [path]
    assert "is not told the line, which is 3" in shown
    assert "1  " in shown
    called, _, _ = opened(editor, "query", "money comes back", "--open", "2", "-k", "4")
    assert called[0] != path
    called, stdin, shown = opened(editor, "query", "quokka", "-k", "1", "--open=1")
    assert (called, stdin) == ([], "A quokka that will be gone.\n")
    assert "is gone: this is what the index has of it" in shown
    called, stdin, _ = opened(editor, "query", "walrus", "-k", "1", "--open")
    assert (called, stdin) == ([], "A walrus\nin␛[31m memory\n")
    _, _, shown = opened(editor, "query", "money", "--open", EDITOR="none-such -w")
    assert "cannot start none-such (from $EDITOR): no such file or folder" in shown


def test_what_is_opened_is_logged_as_a_click_where_queries_are(editor: Shell) -> None:
    opened(editor, "query", "money comes back", "--open", "2", "--log")
    opened(editor, "query", "money comes back", "--open", "2")
    opened(editor, "query", "walrus", "--open", "--log", EDITOR="none-such", PAGER="none-such")
    rows = [json.loads(line) for line in editor("feedback", "export").out.splitlines()]
    query, unopened = (r for r in rows if "user_query" in r)
    assert unopened["user_query"] == "walrus"
    [click] = [r for r in rows if "action_name" in r]
    assert (click["action_name"], click["query_id"]) == ("click", query["query_id"])
    assert click["event_attributes"]["position"]["ordinal"] == 2


def test_it_is_refused_where_it_cannot_be(docs: Shell) -> None:
    for args, message in (
        (("--open",), "--open wants a terminal"),
        (("--open", "2"), "--open wants a terminal"),
        (("--open=0",), "--open 0: hits count from 1"),
        (("--open", "11"), "--open 11: more than the hits of -k 10"),
        (("--open", "--format", "jsonl"), "--open goes with --format text"),
    ):
        done = docs("query", "money", *args)
        assert (done.code, done.out) == (2, "")
        assert message in done.err
    piped = docs("query", "-", "--open", stdin="money\n")
    assert (piped.code, piped.out) == (2, "")
    assert "one TEXT" in piped.err
