"""`qembed train encoder`: from judgments to a model that is used, or to a no."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model
from qembed.training.encoder.run import worse
from qembed.training.judging import Side
from qembed.training.mining.lists import Negative, TrainingList, write_lists
from tests.cli.conftest import Shell
from tests.models import tiny
from tests.options import replaced
from tests.training.planted import planted, write

NAMED = "multilingual-e5-tiny"
"""A name with a profile: queries and passages have prefixes."""
JUDGED = ["--queries", "q.jsonl", "--qrels", "r.tsv"]


def beir(folder: Path, n: int) -> None:
    """A BEIR folder whose documents have titles."""
    documents, queries, qrels = planted(n, seed=5)
    (folder / "qrels").mkdir(parents=True)
    write(folder, documents, queries, qrels)
    records = [{"_id": k, "title": f"passage {k}", "text": v} for k, v in documents.items()]
    (folder / "corpus.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (folder / "q.jsonl").rename(folder / "queries.jsonl")
    (folder / "r.tsv").rename(folder / "qrels" / "test.tsv")


@pytest.fixture(scope="module")
def shell(teachable: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Shell:
    folder = tmp_path_factory.mktemp("work")
    documents, queries, qrels = planted(110)
    # two queries for some documents: what is seen can be measured too
    for i in range(40):
        queries[f"again{i}"] = " ".join(reversed(queries[f"q{i}"].split()[:2])) + f" {i} of it"
        qrels[f"again{i}"] = {f"d{i}": 1}
    write(folder, documents, queries, qrels)
    beir(folder / "keep", 40)
    made = Shell(folder)
    base = tiny.copy(teachable, folder / NAMED)
    done = made(
        "index", "corpus.jsonl", "--model", str(base), QEMBED_CACHE=str(cache),
        QEMBED_RUNTIME="torch",
    )  # fmt: skip
    assert done.code == 0, done.err
    return made


@pytest.mark.slow
def test_a_training_that_helps_is_written_and_used(shell: Shell, cache: Path) -> None:
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    args = ["--epochs", "8", "--lr", "2e-3", "--freeze", "-1", "--matryoshka", "24"]
    args += ["--format", "json"]
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
    made, base = (open_model(str(shell.folder / name)) for name in ("better", NAMED))
    assert made.dim == 48
    assert (made.profile.query, made.profile.passage) == ("query: {query}", "passage: {text}")
    assert (made.profile.query, made.profile.passage) == (base.profile.query, base.profile.passage)
    # what the first model's name says is known of the new one, and how far it was trained to be cut
    assert made.profile.languages == base.profile.languages == ("multilingual",)
    rebuilt = shell("index", "--rebuild", "--model", "better", "--dim", "24", "-q", **env)
    assert rebuilt.code == 0, rebuilt.err
    refused = shell("index", "--rebuild", "--model", "better", "--dim", "16", "-q", **env)
    assert "better can be cut to 24 to 48 dimensions" in refused.err
    answer = shell("query", "fox dog", "--format", "jsonl", **env)
    assert len(answer.lines) == 10


@pytest.mark.slow
def test_a_training_that_harms_is_not_written(shell: Shell, cache: Path) -> None:
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    args = ["--epochs", "1", "--lr", "0.5", "--freeze", "-1", "--loss", "triplet"]
    keep = ["--model", NAMED, "--keep", "keep", "--format", "json"]
    done = shell("train", "encoder", *JUDGED, "--out", "worse", *args, *keep, **env)
    assert done.code == 3, done.err
    kept = done.json["verdict"]["kept"]
    assert kept["queries"] == 40
    options = ["--model", NAMED, "--mode", "dense", "--measures", "nDCG@10", "--format", "json"]
    measured = shell("eval", "--beir", "keep", *options, **env)
    assert kept["before"] == pytest.approx(measured.json["measures"]["nDCG@10"], abs=1e-6)
    assert "not written" in done.err
    assert not (shell.folder / "worse").exists()
    assert not (shell.folder / "worse.training").exists()


@pytest.mark.slow
def test_old_lists_are_replayed_and_hold_weights(shell: Shell, cache: Path) -> None:
    negative = Negative("x", "brown jumps", None, None, "random")
    old = [
        TrainingList(f"o{i}", f"{a} {b} states", f"o{i}", f"pool {i} of the {b}", None, (negative,))
        for i, (a, b) in enumerate(itertools.permutations(["quick", "token", "lazy", "rains"], 2))
    ]
    write_lists(old, shell.folder / "old.jsonl")
    args = ["--model", NAMED, "--epochs", "1", "--anyway", "--format", "json"]
    kept = ["--replay", "0.1", "--replay-from", "old.jsonl", "--anchor", "2", "--anchor-by", "ewc"]
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    done = shell("train", "encoder", *JUDGED, "--out", "held", *args, *kept, **env)
    assert done.code == 0, done.err
    settings = done.json["settings"]
    assert settings["replayed"] == min(len(old), round(settings["lists"] / 9))
    assert (settings["anchor"], settings["anchor_by"]) == (2, "ewc")
    card = (shell.folder / "held" / "README.md").read_text()
    assert f"{settings['replayed']} older ones" in card
    assert "| anchor_by | ewc |" in card
    assert "| old.jsonl | " in card


def test_what_is_worse() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(50, 8)).astype(np.float32)
    side = Side({}, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
    part = {"measure": "nDCG@10", "before": 0.5, "after": 0.4, "gain": -0.1, "p": 0.2}
    better = {**part, "after": 0.6, "gain": 0.1}
    assert worse({"new": better, "kept": {"neighbours": 0.1}}, side, side) is None
    assert worse({"new": better, "kept": part}, side, side) is None  # it may be chance
    known = {**part, "p": 0.05}
    assert (
        worse({"new": better, "kept": known}, side, side)
        == "on --keep nDCG@10 fell from 0.5000 to 0.4000"
    )
    assert worse({"new": part, "kept": better}, side, side) == (
        "on new documents nDCG@10 fell from 0.5000 to 0.4000"
    )
    alike = Side({}, np.tile(side.vectors[:1], (50, 1)))
    reason = worse({"new": better, "kept": better}, side, alike)
    assert reason is not None
    assert "the vectors are all alike (mean cosine 1.00000, " in reason
    assert worse({"new": better, "kept": better}, alike, alike) is None  # they were before


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--model", "py:tests.encoders:bag"], "its weights are not here"),
        (["--loss", "distill"], "--loss distill wants --teacher SPEC"),
        (["--teacher", "late"], "--loss mnr has no use for one"),
        (["--epochs", "0"], "--epochs 0: out of range"),
        (["--anchor", "-1"], "--anchor -1.0: out of range"),
        (
            ["--temperature", "0", "--loss", "distill", "--teacher", "late"],
            "--temperature 0.0: out",
        ),
        (["--loss", "triplet", "--lists", "lone.jsonl"], "the labels are all equal"),
        (["--loss", "cosine", "--lists", "lone.jsonl"], "the labels are all equal"),
        (["--anchor", "1", "--lora", "4"], "--anchor or --lora"),
        (["--replay", "0.5"], "--replay-from FILE goes with --replay"),
        (["--replay-from", "l.jsonl"], "--replay-from FILE goes with --replay"),
        (["--anchor", "1", "--anchor-by", "ewc"], "--replay-from FILE goes with --replay"),
        (["--replay", "1", "--replay-from", "l.jsonl"], "--replay 1: above 0 and below 1"),
        (["--matryoshka", "all"], "--matryoshka all: dimensions such as 256,128"),
        (["--held-out", "0.9"], "--held-out 0.9: above 0 and below 0.5"),
        (["--out", "q.jsonl"], "--out q.jsonl would replace --queries q.jsonl, which is read"),
        (["--qrels", "none.tsv"], "none.tsv"),
        (["--qrels", "one.tsv"], "10 are the least, to train on some and to judge on others"),
        (["--qrels", "no.tsv"], "no query has a relevant document"),
    ],
)
@pytest.mark.slow
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    shell.write("one.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    lone = [TrainingList("l", "nobody asks", None, "a text", None, ())]
    write_lists(lone, shell.folder / "lone.jsonl")
    shell.write("no.tsv", "query-id\tcorpus-id\tscore\nq1\td1\t0\nq2\td1\t0\n")
    done = shell("train", "encoder", *replaced([*JUDGED, "--out", "x"], args))
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
    for old in ("5.5.1", "5.7.0", "5.99"):
        monkeypatch.setattr(libraries, "version", lambda package, old=old: old)
        with pytest.raises(UsageError, match=f"{re.escape(old)} is too old for training"):
            libraries.require_trainer()
    monkeypatch.setattr(libraries, "version", lambda package: "6.0.0")
    libraries.require_trainer()
