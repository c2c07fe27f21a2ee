"""Files whose names have control characters are said to be where they open."""

from __future__ import annotations

import re
import subprocess

import pytest

from qembed.cli.render.places import shell_word
from tests.cli.conftest import Shell

NAMES = ["tab\there.md", "red\x1b[31m.md", "it's\\n\r.md", "two\nlines.md", "plain 'name'.md"]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    shell = Shell(tmp_path_factory.mktemp("odd") / "work")
    shell.folder.mkdir()
    for name in NAMES:
        shell.write(f"d/{name}", f"zebra in {len(name)}\n")
    assert shell("index", "d").code == 0
    return shell


def test_bash_reads_the_places_of_text(odd: Shell) -> None:
    places = re.findall(r"^ ?\d+  \d\.\d+  (.+):1$", odd("query", "zebra").out, re.M)
    assert len(places) == len(NAMES)
    for place in places:
        if place.startswith("$"):
            script = f"cat -- {place}"
            shown = subprocess.run(
                ["bash", "-c", script], cwd=odd.folder, capture_output=True, text=True, check=True
            )
            assert shown.stdout.startswith("zebra")
        else:
            assert place == "d/plain 'name'.md"


def test_a_pipe_has_the_names_as_they_are(odd: Shell) -> None:
    out = odd("query", "zebra", "--vimgrep").out
    found = {line.rpartition(":1:1:")[0] for line in out.split("\n") if line}
    assert found == {f"d/{n}" if "\n" not in n else "$'d/two\\nlines.md'" for n in NAMES}
    null = odd("query", "zebra", "--format", "paths", "-0").out
    assert set(null.split("\0")[:-1]) == {f"d/{n}" for n in NAMES}


def test_characters_that_turn_text_are_escaped() -> None:
    assert shell_word("a\u202egnp.md\x9b") == "$'a\\u202egnp.md\\u009b'"
    assert shell_word("d/\u4e16\u754c \u00e9.md") == "d/\u4e16\u754c \u00e9.md"
