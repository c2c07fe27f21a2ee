"""`qembed train reranker`: from judgments or preferences to a reranker that is used, or to a no."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from qembed.models.onnx import prepare
from qembed.training.reranker.candidates import PREFERRED
from tests.cli.conftest import BAG, Shell
from tests.models import tiny
from tests.models.exports import run_here
from tests.options import replaced
from tests.training.reranker.judged import examples

pytestmark = pytest.mark.slow

JUDGED = ["--queries", "q.jsonl", "--qrels", "r.tsv"]
START = "start"
FAST = ["--epochs", "6", "--lr", "6e-3", "--freeze", "-1"]


@pytest.fixture(scope="module")
def shell(classifier: Path, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Texts, judgments of them, and preferences; queries 40 to 49 ask for documents of others."""
    made = Shell(tmp_path_factory.mktemp("work"))
    tiny.copy(classifier, made.folder / START)
    documents, queries, judgments, preferences = [], [], [], []
    for i, e in enumerate(examples(40)):
        # words of its own, by which the first search finds a query's texts
        own = f"{i % 7} {i % 5} {i}"
        queries.append({"_id": e.query_id, "text": f"{e.query} {own}"})
        if i < 10:
            queries.append({"_id": f"again{i}", "text": f"{own} {e.query.split()[0]} again {i}"})
            judgments.append((f"again{i}", e.documents[0], 1))
        for document, text, grade in zip(e.documents, e.texts, e.grades, strict=True):
            documents.append({"_id": document, "text": f"{text} {own}"})
            if grade:
                judgments.append((e.query_id, document, int(grade)))
            else:
                best = {"query": f"{e.query} {own}", "chosen": f"{e.texts[0]} {own}"}
                preferences.append({**best, "rejected": f"{text} {own}"})
    for name, rows in (("corpus", documents), ("q", queries), ("p", preferences)):
        made.write(f"{name}.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    lines = "".join(f"{q}\t{d}\t{g}\n" for q, d, g in judgments)
    made.write("r.tsv", f"query-id\tcorpus-id\tscore\n{lines}")
    done = made("index", "corpus.jsonl", "--model", BAG)
    assert done.code == 0, done.err
    return made


def test_a_reranker_that_is_better_is_written_and_used(
    shell: Shell, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "run_exporter", run_here)
    env = {"QEMBED_CACHE": str(cache)}
    done = shell(
        "train", "reranker", *JUDGED, "--model", START, "--out", "better", *FAST,
        "--format", "json", **env,
    )  # fmt: skip
    assert done.code == 0, done.err
    body = done.json
    assert (body["schema"], body["written"], body["worse"]) == (1, True, None)
    new = body["verdict"]["new"]
    assert new["after"] > new["before"]
    assert new["low"] <= new["gain"] <= new["high"]
    assert 0 < body["verdict"]["search"] < 1
    assert body["verdict"]["seen"]["queries"] > 0
    assert 0 <= body["verdict"]["kept"]["first"] <= 1
    card = (shell.folder / "better" / "README.md").read_text()
    assert f"| new documents | {new['before']:.4f} | {new['after']:.4f} |" in card
    assert "Made by `qembed train reranker`" in card
    assert "text-ranking" in card
    assert not (shell.folder / "better.training").exists()
    answer = shell(
        "query", "fox dog 3", "--rerank", "better", "--format", "jsonl", "--verbose", **env
    )
    assert len(answer.lines) == 10, answer.err
    assert "using torch" not in answer.err  # the export is there


def test_preferences_need_no_index(shell: Shell, tmp_path: Path, cache: Path) -> None:
    alone = Shell(tmp_path)
    alone.write("p.jsonl", (shell.folder / "p.jsonl").read_bytes())
    start = str(shell.folder / START)
    args = ["--preferences", "p.jsonl", "--model", start, "--loss", "ranknet", *FAST]
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    done = alone("train", "reranker", *args, "--out", "x", **env)
    assert done.code == 0, done.err
    assert f"new documents   {PREFERRED} " in done.out
    assert "first ten" not in done.out  # there are fewer texts
    assert "not reranked" not in done.out
    assert "wrote x (use it: qembed query TEXT --rerank x)" in done.err


def test_the_log_of_the_index_is_trained_on(shell: Shell, tmp_path: Path, cache: Path) -> None:
    """Queries are asked, one of the hits is voted for, another against; the log's pairs train."""
    logged = Shell(tmp_path)
    for name in ("corpus.jsonl", "q.jsonl"):
        logged.write(name, (shell.folder / name).read_bytes())
    assert logged("index", "corpus.jsonl", "--model", BAG).code == 0
    args = [
        "--feedback",
        "--model",
        str(shell.folder / START),
        *FAST,
        "--epochs",
        "2",
        "--out",
        "x",
    ]
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    assert "nothing is logged yet" in logged("train", "reranker", *args, **env).err
    lines = (shell.folder / "q.jsonl").read_text().splitlines()[:26]
    asked = [json.loads(line) for line in lines]
    asked = [q for q in asked if not q["_id"].startswith("again")]
    stdin = "".join(json.dumps({"_id": q["_id"], "text": q["text"]}) + "\n" for q in asked)
    body = logged("query", "-", "-k", "50", "--log", "--format", "json", stdin=stdin).json
    done = logged("train", "reranker", *args, **env)
    assert done.code == 3, done.err
    assert "has no pairs: there are no events" in done.err
    events = []
    for q in body["queries"]:
        number = q["query_id"][1:]
        for n, action in ((0, "thumbs_up"), (2, "thumbs_down"), (4, "thumbs_down")):
            events.append({"query_id": q["logged_as"], "action": action, "object": f"{number}-{n}"})
    stdin = "".join(json.dumps(e) + "\n" for e in events)
    assert logged("feedback", "add", "-", stdin=stdin).code == 0
    done = logged("train", "reranker", *args, "--format", "json", **env)
    assert done.code == 0, done.err
    found = done.json
    assert found["settings"]["loss"] == "ranknet"
    pairs = found["settings"]["feedback"]["pairs"]
    assert found["settings"]["feedback"]["kinds"] == {"person": pairs}
    assert 0 < found["settings"]["feedback"]["later"] < pairs
    assert found["verdict"]["new"]["measure"] == PREFERRED
    assert found["verdict"]["new"]["after"] > found["verdict"]["new"]["before"]
    assert f"the log has {pairs:,} pairs of {len(asked)} queries" in done.err


def test_a_reranker_that_is_worse_is_not_written(shell: Shell, cache: Path) -> None:
    """Preferences turned round teach the contrary; what is judged are the judgments."""
    lines = [json.loads(line) for line in (shell.folder / "p.jsonl").read_text().splitlines()]
    turned = [{**p, "chosen": p["rejected"], "rejected": p["chosen"]} for p in lines]
    shell.write("turned.jsonl", "".join(json.dumps(p) + "\n" for p in turned))
    args = [*JUDGED, "--preferences", "turned.jsonl", "--model", START, *FAST, "--loss", "hinge"]
    done = shell("train", "reranker", *args, "--out", "worse", QEMBED_CACHE=str(cache))
    assert done.code == 3, done.err
    assert "on new documents nDCG@10 fell from" in done.err
    assert not (shell.folder / "worse").exists()
    assert not (shell.folder / "worse.training").exists()


def test_old_preferences_are_replayed(shell: Shell, cache: Path) -> None:
    old = [
        {"query": f"{a} {b} states", "chosen": f"{b} of {a}", "rejected": f"{a} alone"}
        for a, b in itertools.permutations(["quick", "token", "lazy", "rains"], 2)
    ]
    shell.write("old.jsonl", "".join(json.dumps(p) + "\n" for p in old))
    args = [*JUDGED, "--model", START, "--replay", "0.25", "--replay-from", "old.jsonl"]
    more = ["--anyway", "--format", "json", "--out", "replayed"]
    env = {"QEMBED_CACHE": str(cache), "QEMBED_RUNTIME": "torch"}
    done = shell("train", "reranker", *args, *more, **env)
    assert done.code == 0, done.err
    settings = done.json["settings"]
    queries = int(settings["trained"].split()[3])
    assert settings["replayed"] == round(queries / 3)
    card = (shell.folder / "replayed" / "README.md").read_text()
    assert f"| trained | {settings['trained']} |" in card
    number = settings["replayed"]
    assert settings["trained"].endswith(f"{2 * number} of {number} older ones")
    assert "| old.jsonl | " in card


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--replay", "0.5"], "--replay and --replay-from FILE want one another"),
        (["--replay-from", "p.jsonl"], "--replay and --replay-from FILE want one another"),
        (["--replay", "nan", "--replay-from", "p.jsonl"], "--replay nan: above 0 and below 1"),
        (["--replay", "0.5", "--replay-from", "none.jsonl"], "cannot read none.jsonl"),
        (["--lists", "none/l.jsonl"], "cannot read none/l.jsonl"),
        (["--model", BAG], "its weights are not here"),
        (["--epochs", "0"], "--epochs 0: out of range"),
        (["--candidates", "1"], "--candidates 1: at least 2"),
        (["--held-out", "0.9"], "--held-out 0.9: above 0 and below 0.5"),
        (["--out", "q.jsonl"], "--out q.jsonl would replace --queries q.jsonl, which is read"),
        (["--preferences", "p.jsonl", "--lists", "l.jsonl"], "--preferences or --lists"),
        (["--feedback", "--lists", "l.jsonl"], "--feedback or --lists"),
        (["--preferences", "q.jsonl"], "q.jsonl:1: 'query' is missing"),
        (["--qrels", "one.tsv"], "10 are the least, to train on some and to judge on others"),
        (["--qrels", "no.tsv"], "no query has a relevant document"),
        (["--lists", "alike.jsonl"], "the labels are all equal"),
    ],
)
def test_refusals(shell: Shell, args: list[str], message: str) -> None:
    shell.write("one.tsv", "query-id\tcorpus-id\tscore\nq1\t1-0\t1\n")
    shell.write("no.tsv", "query-id\tcorpus-id\tscore\nq1\t1-0\t0\nq2\t2-0\t0\n")
    positive = {"id": None, "text": "a text", "score": None}
    lone = {"query_id": "l", "query": "nobody asks", "positive": positive, "negatives": []}
    shell.write("alike.jsonl", json.dumps(lone) + "\n")
    given = replaced([*JUDGED, "--model", START, "--out", "x"], args)
    done = shell("train", "reranker", *given)
    assert (done.code, done.out) == (2, ""), done.err
    assert message in done.err
    assert not (shell.folder / "x").exists()
