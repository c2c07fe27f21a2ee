"""Command lines of editors and pagers, as their manuals want them."""

from __future__ import annotations

import pytest

from qembed.cli.programs.command_lines import at_line, from_stdin, pager, takes_line, viewer
from qembed.errors import UsageError

FILE = "/a b/-c.md"


@pytest.mark.parametrize(
    ("editor", "wanted"),
    [
        ("vim", ["vim", "+7", FILE]),
        ("/usr/bin/nvim -p", ["/usr/bin/nvim", "-p", "+7", FILE]),
        ("emacsclient -n -a ''", ["emacsclient", "-n", "-a", "", "+7", FILE]),
        ("nano", ["nano", "+7", FILE]),
        ("less -N", ["less", "-N", "+7", FILE]),
        ("code --wait", ["code", "--wait", "-g", f"{FILE}:7"]),
        ("'/opt/my code/cursor.exe'", ["/opt/my code/cursor.exe", "-g", f"{FILE}:7"]),
        ("hx", ["hx", f"{FILE}:7"]),
        ("subl -w", ["subl", "-w", f"{FILE}:7"]),
        ("pycharm", ["pycharm", "--line", "7", FILE]),
        ("kate -b", ["kate", "-b", "-l", "7", FILE]),
        ("ed", ["ed", FILE]),
        ("vim; rm -rf $HOME", ["vim;", "rm", "-rf", "$HOME", FILE]),
    ],
)
def test_a_line_is_told_as_the_program_takes_it(editor: str, wanted: list[str]) -> None:
    _, words = viewer({"EDITOR": editor})
    assert at_line(words, FILE, 7) == wanted
    assert at_line(words, FILE, None) == [*words, FILE]
    assert takes_line(words) is (wanted != [*words, FILE])


def test_the_first_variable_that_is_set_counts() -> None:
    every = {"VISUAL": "code", "EDITOR": "vim", "PAGER": "more -s"}
    assert viewer(every) == ("VISUAL", ["code"])
    assert viewer({**every, "VISUAL": " "}) == ("EDITOR", ["vim"])
    assert viewer({"PAGER": "more -s"}) == ("PAGER", ["more", "-s"])
    assert viewer({}) == ("", ["less"])
    assert pager(every) == ("PAGER", ["more", "-s"])
    assert pager({"EDITOR": "vim"}) == ("", ["less"])


def test_a_pager_shows_stdin_from_a_line_on() -> None:
    assert from_stdin(["less", "-S"], 9) == ["less", "-S", "+9"]
    assert from_stdin(["bat", "-p"], 9) == ["bat", "-p"]


def test_words_that_cannot_be_split_are_told() -> None:
    with pytest.raises(UsageError, match=r"\$EDITOR is \"vim 'x\": no closing quotation"):
        viewer({"EDITOR": "vim 'x"})
