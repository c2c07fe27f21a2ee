"""`qembed train` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.options import replaced
from tests.training.refunds import TEXTS, corpus

pytestmark = pytest.mark.slow

BAG = "py:tests.encoders:bag"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    corpus(folder, TEXTS)
    made = Shell(folder)
    made.write("q.jsonl", '{"_id": "q", "text": "how do refunds work for late orders"}\n')
    made.write("r.tsv", "query-id\tcorpus-id\tscore\nq\tanswer\t1\nq\tgone\t1\n")
    assert made("index", "corpus.jsonl", "--model", BAG).code == 0
    return made


def test_mine(shell: Shell) -> None:
    judged = ["--queries", "q.jsonl", "--qrels", "r.tsv"]
    done = shell("train", "mine", *judged, "--out", "l.jsonl", "--per-query", "2")
    assert done.code == 0, done.err
    assert done.out == "l.jsonl: 1 list of 1 query, 2 negatives\n"
    assert "left out as possibly relevant: " in done.err
    assert "1 relevant document is not in the index (gone)" in done.err
    (line,) = (shell.folder / "l.jsonl").read_text().splitlines()
    assert json.loads(line)["positive"]["id"] == "answer"
    body = shell("train", "mine", *judged, "--out", "l.parquet", "--format", "json").json
    assert (body["schema"], body["written"], body["lists"]) == (1, True, 1)
    assert body["settings"]["negatives"] == ["bm25", "dense"]
    # lists are pairs, too
    again = shell("train", "mine", "--pairs", "l.jsonl", "--out", "m.jsonl", "-q")
    assert (again.code, again.out, again.err) == (0, "", "")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--pairs", "q.jsonl"], "q.jsonl:1: 'query' is missing"),
        (["--pairs", "none.jsonl"], "cannot read none.jsonl"),
        (["--pairs", "q.jsonl", "--qrels", "r.tsv"], "without --queries and --qrels"),
        (["--queries", "q.jsonl"], "--qrels FILE is wanted"),
        (["--window", "5"], "--window 5: ranks such as 1-100"),
        (["--negatives", "words"], "--negatives words: some of"),
        (["--out", "l.csv"], "lists are written as .jsonl or .parquet"),
    ],
)
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    done = shell("train", "mine", *replaced(["--out", "l.jsonl"], args))
    assert done.code == 2
    assert message in done.err
    assert not (shell.folder / "l.jsonl").exists()


def test_merge(shell: Shell, models: tuple[Path, Path]) -> None:
    names = [str(m) for m in models]
    done = shell("train", "merge", *names, "--out", "half", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["settings"]["method"] == "slerp"
    again = shell("train", "merge", *names, "--out", "half")
    assert (again.code, again.out) == (2, "")
    assert "--out half: it is there already" in again.err
    linear = shell("train", "merge", *names, "--out", "line", "--method", "linear")
    assert linear.out == "line: 39 tensors merged\n"
