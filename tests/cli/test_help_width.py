"""Help fits terminals of 40 columns, and its examples can still be pasted."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command

from qembed.cli.app import app
from qembed.cli.help.width import fold
from tests.cli.conftest import Shell


def commands(command: Any, path: list[str]) -> Iterator[list[str]]:
    yield path
    for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
        yield from commands(command.commands[name], [*path, name])


@pytest.mark.slow
def test_no_line_is_wider_than_a_narrow_terminal(shell: Shell) -> None:
    for path in commands(get_command(app), []):
        lines = shell(*path, "--help", COLUMNS="40").out.splitlines()
        assert [line for line in lines if len(line) > 40] == [], path


@pytest.mark.parametrize("columns", [40, 60])
def test_a_folded_command_is_the_same_one(columns: int) -> None:
    words = [
        "plain", "a b c of quite a few words that do not fit in any narrow line", "--option", "it's",
        "http://localhost:7997/v1#all-MiniLM-L6-v2?with=a-long-rest-that-has-no-blank", '"x"', "-k", "1",
    ]  # fmt: skip
    line = "  printf '%s\\0' " + shlex.join(words)
    folded = fold(line, columns)
    assert max(map(len, folded.splitlines())) <= columns
    done = subprocess.run(["bash", "-c", folded], capture_output=True, text=True, check=True)
    assert done.stdout.split("\0")[:-1] == words


def test_comments_and_names_are_folded() -> None:
    assert fold("  qembed index     # refresh: what cron calls", 40) == (
        "  qembed index\n      # refresh: what cron calls"
    )
    assert fold("  --format <text|json|jsonl|tsv|trec|paths|vimgrep>", 40) == (
        "  --format <text|json|jsonl|tsv|trec|\n      paths|vimgrep>"
    )
