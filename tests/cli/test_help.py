"""The help's list of commands is written without importing them: here it is held against them."""

from __future__ import annotations

import pytest

from qembed.cli.app import COMMANDS, _command
from tests.cli.conftest import Shell


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_says_what_the_command_says_of_itself(name: str) -> None:
    command = _command(name)
    assert command.help.split()[:3] == COMMANDS[name][1].split()[:3]


def test_the_help_has_them_in_their_order(shell: Shell) -> None:
    listed = shell("--help").out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines() if line[2:3].strip()] == list(COMMANDS)
