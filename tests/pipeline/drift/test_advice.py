"""Commands of the next steps: all of their options exist, and they name this comparison's files."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from qembed.drift.verdict import NEXT
from qembed.pipeline.drift.advice import Advice, next_command
from tests.cli.conftest import Shell

GOLDEN = Path("my queries.jsonl"), Path("r.tsv")


@pytest.mark.parametrize(
    "again", [["--since", "30d", "--history", "--made-queries"], ["--new", "inbox"]]
)
@pytest.mark.parametrize("step", NEXT)
def test_each_step_is_a_command_with_options_that_exist(
    step: str, again: list[str], tmp_path: Path
) -> None:
    advice = Advice(tmp_path / "an index", "minilm", again, GOLDEN)
    words = shlex.split(next_command(step, advice))
    assert words[0] == "qembed"
    assert str(tmp_path / "an index") in words
    done = Shell(tmp_path)(*words[1:], "--help")
    assert done.code == 0, done.err


def test_models_that_are_advised() -> None:
    plain = Advice(Path("i"), "minilm", [])
    assert next_command("other-model", plain, ["Han"]).endswith("--model multilingual")
    assert next_command("other-model", plain).endswith("--model bge-small")
    other = Advice(Path("i"), "py:mine:model", [])
    assert next_command("other-model", other).endswith("--model multilingual")


def test_files_and_options_of_the_comparison() -> None:
    advice = Advice(Path("i"), "minilm", ["--since", "7d", "--history"], GOLDEN)
    assert (
        next_command("eval", advice)
        == "qembed eval --index i --queries 'my queries.jsonl' --qrels r.tsv"
    )
    assert next_command("wait", advice) == "qembed drift --index i --since 7d --history"
    assert next_command("adapt", advice) == "qembed update-model --index i --since 7d --out adapted"
