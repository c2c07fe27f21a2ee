"""`qembed train adapt`: from bare text to a model that is used, or to a no."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from qembed.models import open_model
from qembed.training.mining.lists import Negative, TrainingList, write_lists
from tests.cli.conftest import Shell
from tests.training.planted import planted, write

pytestmark = pytest.mark.slow
JUDGED = ["--queries", "q.jsonl", "--qrels", "r.tsv"]
FAST = ["--lr", "2e-3", "--freeze", "-1", "--batch", "16"]


@pytest.fixture(scope="module")
def shell(teachable: Path, tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Shell:
    """Documents with titles in the words of the queries, and half as many without, which are judged."""
    folder = tmp_path_factory.mktemp("work")
    documents, queries, qrels = planted(150)
    titled = {i for i in range(150) if i % 3}
    write(
        folder,
        documents,
        {f"q{i}": queries[f"q{i}"] for i in range(150) if i not in titled},
        {f"q{i}": qrels[f"q{i}"] for i in range(150) if i not in titled},
    )
    lines = []
    for line in (folder / "corpus.jsonl").read_text().splitlines():
        body = json.loads(line)
        if (i := int(body["_id"][1:])) in titled:
            body["title"] = queries[f"q{i}"]
        lines.append(json.dumps(body) + "\n")
    (folder / "corpus.jsonl").write_text("".join(lines))
    made = Shell(folder)
    done = made("index", "corpus.jsonl", "--model", str(teachable), **env(cache))
    assert done.code == 0, done.err
    return made


def env(cache: Path) -> dict[str, str]:
    return {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}


def test_made_queries_help_where_judged_ones_ask(shell: Shell, cache: Path) -> None:
    args = [
        "--generate",
        "corpus",
        "--write-made",
        "made.jsonl",
        "--epochs",
        "8",
        "--format",
        "json",
    ]
    done = shell("train", "adapt", *JUDGED, *args, *FAST, "--out", "better", **env(cache))
    assert done.code == 0, done.err
    body = done.json
    verdict = body["verdict"]
    assert not verdict["proxy"]
    assert verdict["new"]["low"] > 0
    assert verdict["seen"]["after"] > verdict["seen"]["before"]
    assert verdict["kept"]["of"] == "general sentences"
    card = (shell.folder / "better" / "README.md").read_text()
    assert "Made by `qembed train adapt`" in card
    assert f"| trained | {body['settings']['trained']} |" in card
    assert "| made.jsonl | " in card
    assert open_model(str(shell.folder / "better")).dim == 48
    # the file can be edited and given back
    lines = (shell.folder / "made.jsonl").read_text().splitlines()
    assert len(lines) == body["settings"]["found"]
    assert {json.loads(line)["kind"] for line in lines} == {"title"}
    shell.write("edited.jsonl", "\n".join(lines[:60]) + "\n")
    args = ["--made", "edited.jsonl", "--format", "json", "--anyway"]
    again = shell("train", "adapt", *JUDGED, *args, *FAST, "--out", "other", **env(cache))
    # less those of nearly the same words as a held-out one
    assert again.json["settings"]["trained"] == "58 made queries"
    mined = shell("train", "mine", "--pairs", "edited.jsonl", "--out", "l.jsonl", **env(cache))
    assert mined.code == 0, mined.err
    first = json.loads((shell.folder / "l.jsonl").read_text().splitlines()[0])
    assert first["positive"]["id"] not in [n["id"] for n in first["negatives"]]


def test_without_judgments_the_verdict_is_a_proxy_and_says_so(shell: Shell, cache: Path) -> None:
    args = ["--objective", "simcse", "--most", "64"]
    done = shell("train", "adapt", *args, "--out", "guess", "--anyway", **env(cache))
    assert done.code == 0, done.err
    assert "there are no judgments (--queries, --qrels)" in done.err
    assert "a proxy" in done.err
    assert "of the nearest neighbours of general sentences" in done.out
    card = (shell.folder / "guess" / "README.md").read_text()
    assert "There were no judgments" in card
    assert "| trained | simcse on 64 passages |" in card


def test_a_teacher_s_margins_and_the_same_model_twice(shell: Shell, cache: Path) -> None:
    args = ["--generate", "corpus", "--most", "40", "--teacher", "py:tests.encoders:shouting"]
    found = []
    for name in ("one", "two"):
        more = ["--out", name, "--anyway", "--format", "json"]
        done = shell("train", "adapt", *JUDGED, *args, *FAST, *more, **env(cache))
        assert done.code == 0, done.err
        settings = done.json["settings"]
        assert (settings["loss"], settings["teacher"]) == ("margin-mse", args[-1])
        found.append((shell.folder / name / "model.safetensors").read_bytes())
    assert found[0] == found[1]
    assert "| loss | margin-mse |" in (shell.folder / "two" / "README.md").read_text()


def test_a_model_that_collapses_is_named_and_not_written(shell: Shell, cache: Path) -> None:
    args = ["--objective", "mlm", "--lr", "0.9", "--epochs", "3", "--freeze", "-1"]
    done = shell("train", "adapt", *JUDGED, *args, "--out", "broken", **env(cache))
    assert done.code == 3
    assert "the vectors are all alike" in done.err
    assert "not written" in done.err
    assert not (shell.folder / "broken").exists()
    assert not (shell.folder / "broken.training").exists()


def test_adapters_on_made_queries(shell: Shell, cache: Path) -> None:
    args = ["--generate", "corpus", "--most", "90", "--lora", "4", "--format", "json", "--anyway"]
    done = shell("train", "adapt", *JUDGED, *args, "--out", "adapters", **env(cache))
    assert done.code == 0, done.err
    assert done.json["settings"]["lora"] == 4
    assert open_model(str(shell.folder / "adapters")).dim == 48


def test_a_tenth_of_the_made_queries_tells_when_to_stop(shell: Shell, cache: Path) -> None:
    """At such a rate their loss does not fall again."""
    args = ["--generate", "corpus", "--epochs", "9", "--lr", "0.2", "--format", "json", "--anyway"]
    done = shell("train", "adapt", *JUDGED, *args, "--out", "stopped", **env(cache))
    assert done.code == 0, done.err
    assert done.json["settings"]["epochs"] < 9


def test_old_lists_and_an_anchor(shell: Shell, cache: Path) -> None:
    negative = Negative("x", "brown jumps", None, None, "random")
    old = [
        TrainingList(f"o{i}", f"{a} {b} states", f"o{i}", f"pool {i} of the {b}", None, (negative,))
        for i, (a, b) in enumerate(itertools.permutations(["quick", "token", "lazy", "rains"], 2))
    ]
    write_lists(old, shell.folder / "old.jsonl")
    args = ["--generate", "corpus", "--most", "40", "--replay", "0.1", "--replay-from", "old.jsonl"]
    more = ["--anchor", "2", "--format", "json", "--anyway", "--out", "held"]
    done = shell("train", "adapt", *JUDGED, *args, *more, **env(cache))
    assert done.code == 0, done.err
    settings = done.json["settings"]
    number = int(settings["trained"].split()[0])
    assert settings["trained"] == f"{number} made queries, {round(number / 9)} older lists"
    assert settings["anchor"] == 2
    card = (shell.folder / "held" / "README.md").read_text()
    assert "| anchor | 2.0 |" in card
    assert "| old.jsonl | " in card


def test_queries_alone(shell: Shell, cache: Path) -> None:
    args = ["--generate", "corpus", "--write-made", "alone.jsonl", "--most", "20"]
    done = shell("train", "adapt", *args, **env(cache))
    assert done.code == 0, done.err
    assert "queries made, " in done.err
    assert "wrote alone.jsonl" in done.err
    again = shell("train", "adapt", *args, "--format", "json", **env(cache))
    assert again.json["verdict"] is None
    assert 0 < len((shell.folder / "alone.jsonl").read_text().splitlines()) <= 20


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--out", "x"], "--objective tsdae, simcse or mlm is wanted, or --generate"),
        (["--objective", "mlm"], "--out PATH is wanted"),
        (["--out", "x", "--objective", "mlm", "--generate", "corpus"], "one of them"),
        (["--out", "x", "--objective", "mlm", "--teacher", "minilm-l12"], "no scores to learn"),
        (["--out", "x", "--generate", "corpus", "--loss", "distill"], "wants --teacher SPEC"),
        (["--out", "x", "--generate", "corpus", "--made", "q.jsonl"], "without --generate"),
        (["--out", "x", "--made", "q.jsonl"], "q.jsonl:1: 'positive' is missing"),
        (["--out", "x", "--made", "none.jsonl"], "cannot read none.jsonl"),
        (["--out", "x", "--objective", "mlm", "--queries", "q.jsonl"], "want one another"),
        (["--out", "x", "--objective", "mlm", "--model", "py:tests.encoders:bag"], "not here"),
        (["--out", "x", "--objective", "mlm", "--epochs", "0"], "out of range"),
        (["--out", "x", "--generate", "corpus", "--round-trip", "0"], "--round-trip 0: at least 1"),
        (["--out", "x", "--generate", "nobody"], "nobody"),
        (["--out", "x", "--objective", "mlm", "--lora", "4"], "--lora: bare text"),
        (
            ["--out", "x", "--objective", "mlm", "--replay", "0.5", "--replay-from", "q.jsonl"],
            "--replay: bare text",
        ),
        (["--out", "x", "--generate", "corpus", "--replay", "0.5"], "want one another"),
    ],
)
def test_refusals(shell: Shell, cache: Path, args: list[str], message: str) -> None:
    done = shell("train", "adapt", *args, **env(cache))
    assert done.code == 2, done.err
    assert message in done.err
    assert not (shell.folder / "x").exists()
