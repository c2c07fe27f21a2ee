"""The five commands of docs/training.md, on a tiny model and 200 judged queries."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.documentation import blocks
from tests.training.planted import planted, write

pytestmark = pytest.mark.slow
TINY = {
    # the model that the index has, and steps that move one of its size
    "minilm": "{base}",
    "encoder": "encoder --epochs 6 --lr 2e-3 --freeze -1",
}


def commands(base: Path) -> list[list[str]]:
    """The block's commands, for a tiny model instead of the built-in one."""
    (block,) = [b for b in blocks("docs/training.md") if "train merge minilm ./tuned" in b.text]
    found = []
    for line in block.text.splitlines():
        words = [TINY.get(w, w).format(base=base) for w in shlex.split(line)]
        found.append(shlex.split(" ".join(words)))
    return found


def test_from_judged_queries_to_an_index_of_a_better_model(
    teachable: Path, tmp_path: Path, cache: Path
) -> None:
    documents, queries, qrels = planted(200)
    shell = Shell(tmp_path / "work")
    shell.folder.mkdir()
    write(shell.folder, documents, queries, qrels)
    (shell.folder / "q.jsonl").rename(shell.folder / "queries.jsonl")
    head, *rows = (shell.folder / "r.tsv").read_text().splitlines()
    shell.write("train.tsv", "\n".join([head, *rows[:150]]) + "\n")
    shell.write("test.tsv", "\n".join([head, *rows[150:]]) + "\n")
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}

    def run(*args: str) -> str:
        done = shell(*args, **env)
        assert done.code == 0, (args, done.err)
        return done.out + done.err

    run("index", "corpus.jsonl", "--model", str(teachable))
    run("eval", "--queries", "queries.jsonl", "--qrels", "test.tsv", "--report", "before.json")
    five = commands(teachable)
    assert [args[1:3] for args in five] == [
        ["train", "mine"],
        ["train", "encoder"],
        ["train", "merge"],
        ["index", "--rebuild"],
        ["eval", "--queries"],
    ]
    said = [run(*args[1:]) for args in five]
    assert "new documents" in said[1]
    assert "use it: qembed index --rebuild --model tuned" in said[1]
    before, after = (
        json.loads((shell.folder / f"{n}.json").read_text())["measures"]["nDCG@10"]
        for n in ("before", "after")
    )
    assert after > before
    assert "better" in run("status")
    assert "nDCG@10" in run("eval", "diff", "before.json", "after.json")
