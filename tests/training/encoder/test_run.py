"""`qembed train encoder`: from judgments to a model that is used, or to a no."""

from __future__ import annotations

from pathlib import Path

import pytest

from qembed.models import open_model
from tests.cli.conftest import Shell
from tests.training.planted import planted, write

JUDGED = ["--queries", "q.jsonl", "--qrels", "r.tsv"]


@pytest.fixture(scope="module")
def shell(teachable: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Shell:
    folder = tmp_path_factory.mktemp("work")
    documents, queries, qrels = planted(110)
    # two queries for some documents: what is seen can be measured too
    for i in range(40):
        queries[f"again{i}"] = " ".join(reversed(queries[f"q{i}"].split()[:2])) + f" {i} of it"
        qrels[f"again{i}"] = {f"d{i}": 1}
    write(folder, documents, queries, qrels)
    made = Shell(folder)
    done = made(
        "index", "corpus.jsonl", "--model", str(teachable), QEMBED_CACHE=str(cache),
        QEMBED_RUNTIME="torch",
    )  # fmt: skip
    assert done.code == 0, done.err
    return made


@pytest.mark.slow
def test_a_training_that_helps_is_written_and_used(shell: Shell, cache: Path) -> None:
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    args = ["--epochs", "8", "--lr", "2e-3", "--freeze", "-1", "--format", "json"]
    done = shell("train", "encoder", *JUDGED, "--out", "better", *args, **env)
    assert done.code == 0, done.err
    body = done.json
    assert (body["schema"], body["written"], body["worse"]) == (1, True, None)
    new = body["verdict"]["new"]
    assert new["after"] > new["before"]
    assert new["low"] <= new["gain"] <= new["high"]
    assert body["verdict"]["seen"]["queries"] > 0
    assert 0 <= body["verdict"]["kept"]["neighbours"] <= 1
    card = (shell.folder / "better" / "README.md").read_text()
    assert f"| new documents | {new['before']:.4f} | {new['after']:.4f} |" in card
    assert "| q.jsonl | " in card
    assert not (shell.folder / "better.training").exists()
    assert open_model(str(shell.folder / "better")).dim == 48
    assert shell("index", "--rebuild", "--model", "better", "-q", **env).code == 0
    answer = shell("query", "fox dog", "--format", "jsonl", **env)
    assert len(answer.lines) == 10


@pytest.mark.slow
def test_a_training_that_harms_is_not_written(shell: Shell, cache: Path) -> None:
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    args = ["--epochs", "1", "--lr", "0.5", "--freeze", "-1", "--loss", "triplet"]
    done = shell("train", "encoder", *JUDGED, "--out", "worse", *args, **env)
    assert done.code == 3, done.err
    assert "not written" in done.err
    assert not (shell.folder / "worse").exists()
    assert not (shell.folder / "worse.training").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--model", "py:tests.encoders:bag"], "its weights are not here"),
        (["--loss", "distill"], "--loss distill wants --teacher SPEC"),
        (["--teacher", "late"], "--loss mnr has no use for one"),
        (["--epochs", "0"], "--epochs 0: out of range"),
        (["--matryoshka", "all"], "--matryoshka all: dimensions such as 256,128"),
        (["--held-out", "0.9"], "--held-out 0.9: above 0 and below 0.5"),
        (["--out", "q.jsonl"], "--out q.jsonl: it is there already"),
        (["--qrels", "none.tsv"], "none.tsv"),
        (["--qrels", "one.tsv"], "10 are the least, to train on some and to judge on others"),
        (["--qrels", "no.tsv"], "no query has a relevant document"),
    ],
)
@pytest.mark.slow
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    shell.write("one.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    shell.write("no.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t0\nq2\td1\t0\n")
    done = shell("train", "encoder", *JUDGED, "--out", "x", *args)
    assert (done.code, done.out) == (2, ""), done.err
    assert message in done.err
    assert not (shell.folder / "x").exists()


def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from qembed.errors import UsageError
    from qembed.training import libraries

    monkeypatch.setattr(libraries, "_has", lambda package: package != "accelerate")
    with pytest.raises(UsageError, match=r"training needs accelerate \(pip install"):
        libraries.require_trainer()
    monkeypatch.setattr(libraries, "_has", lambda package: True)
    monkeypatch.setattr(libraries, "version", lambda package: "5.5.1")
    with pytest.raises(UsageError, match=r"5\.5\.1 is too old for training"):
        libraries.require_trainer()
