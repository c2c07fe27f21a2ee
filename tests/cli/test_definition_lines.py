"""Hits in code show the line that defines what was found, also where the passage begins below it."""

from __future__ import annotations

import re

import pytest

from qembed.pipeline.retrieval.snippets.definition_lines import begins_definition, find_definition
from qembed.pipeline.retrieval.snippets.snippet import passage_snippet
from qembed.types import Passage
from tests.cli.conftest import Shell


def test_code_shows_the_line_that_defines(shell: Shell) -> None:
    pytest.importorskip("tree_sitter")
    shell.write(
        "src/basket.py",
        "class Basket:\n    # https://example.org/total says what the total of a basket is\n"
        "    # total total total\n    @cached\n    def total(self, discount):\n"
        '        """Return the total of the basket."""\n        return total_of(self)\n' + "\n" * 3
        + "    def other(self):\n        return 1\n" * 20,
    )  # fmt: skip
    shell.old()
    assert shell("index", "src", "--max-tokens", "60").code == 0
    out = shell("query", "total of a basket", "-k", "1").out
    assert out.splitlines()[1].strip() == "def total(self, discount):"
    found = shell("query", "total of a basket", "-k", "1", "--vimgrep").out
    assert found == "src/basket.py:5:5:    def total(self, discount):\n"


def test_a_later_passage_of_a_definition_shows_where_that_begins(shell: Shell) -> None:
    pytest.importorskip("tree_sitter")
    steps = "".join(
        f"\tif err := step{i}(order); err != nil {{\n\t\treturn err\n\t}}\n" for i in range(30)
    )
    shell.write(
        "src/ship.go",
        "package ship\n\n// Ship sends an order.\n// It may call Ship again.\n"
        "func Ship(order Order) error {\n" + steps
        + "\tif order.half {\n\t\treturn Ship(order.rest)\n\t}\n\treturn nil\n}\n\n"
        "func Other() int {\n\treturn 1\n}\n",
    )  # fmt: skip
    shell.old()
    assert shell("index", "src", "--max-tokens", "80").code == 0
    assert len(shell("query", "step29 order", "--format", "jsonl").lines) > 3
    for words in ("step29 order", "step15 order", "half rest order"):
        out = shell("query", words, "-k", "1").out
        assert re.search(r"src/ship\.go:5\b", out), out
        assert out.splitlines()[1].strip() == "func Ship(order Order) error {"
        number, _, inside = out.splitlines()[2].strip().partition(": ")
        lines = (shell.folder / "src/ship.go").read_text().splitlines()
        assert lines[int(number) - 1].strip() == inside
        assert any(w in inside for w in words.split())
        found = shell("query", words, "-k", "1", "--vimgrep").out
        assert found == "src/ship.go:5:1:func Ship(order Order) error {\n"
    [line] = shell("query", "step29 order", "-k", "1", "--format", "jsonl").lines
    assert line["line"] > 50
    whole = shell("query", "step29 order", "-k", "1", "--context", "1").out
    assert "step29(order)" in whole


@pytest.mark.parametrize(
    ("text", "symbol", "begins"),
    [
        ("def total(self):\n    return 1\n", "Basket.total", True),
        ("# about total\n@cached\ndef total(self):\n    return 1\n", "Basket.total", True),
        ("static int\ntotal(int n)\n{\n  return n;\n", "total", True),
        ("/* total */\ntemplate <class T>\nT total(T n) {\n", "total", True),
        ("export const total = (n) => {\n  return n\n", "total", True),
        ("    return total(n - 1)\n", "total", False),
        ("    self.total(n - 1)\n", "Basket.total", False),
        ("    x = 1\n    if total(n - 1):\n", "total", False),
        ("  n += 1;\n  total(n);\n", "total", False),
    ],
)
def test_where_a_definition_begins(text: str, symbol: str, begins: bool) -> None:
    passage = Passage("a", 1, 0, len(text), text, 9, 12, symbol=symbol)
    found = find_definition(passage)
    assert found is not None
    assert begins_definition(text, found.span) is begins


def test_the_query_chooses_among_the_definitions_of_a_passage() -> None:
    text = "def oven_temperature(c):\n    return c\n\n\ndef count_frames(hive):\n    return 3\n"
    passage = Passage("a", 0, 0, len(text), text, 1, 6, symbol="oven_temperature, count_frames")
    for query, shown in (
        ("count frames", "def count_frames(hive):"),
        ("countFrames of a hive", "def count_frames(hive):"),
        ("oven", "def oven_temperature(c):"),
        ("something else", "def oven_temperature(c):"),
    ):
        snippet = passage_snippet(query, passage)
        assert text[snippet.start : snippet.end] == shown, query
