"""qembed eval of documents of equal score: a measure is the same whatever else is asked for."""

from __future__ import annotations

import json
import random

import pytest

from tests.cli.conftest import WORDS, Filled, Shell

EVAL = ["eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv"]
TEN = ["--measures", "nDCG@10"]


def fill(shell: Shell) -> None:
    """150 equal records, those of them that are judged at the end, among 150 others."""
    rng = random.Random(1)
    records = [{"_id": f"d{i:03}", "text": "refund within days"} for i in range(150)]
    records += [{"_id": f"o{i}", "text": " ".join(rng.choices(WORDS, k=8))} for i in range(150)]
    shell.write("c.jsonl", "".join(json.dumps(r) + "\n" for r in records))
    shell.write("q.jsonl", '{"_id": "q", "text": "refund days"}\n')
    shell.write("qrels.tsv", "q d149 1\nq d140 1\nq d003 1\n")
    shell.old()
    assert shell("index", "c.jsonl").code == 0


@pytest.fixture
def ties(filled: Filled) -> Shell:
    return filled(fill)


@pytest.mark.parametrize("mode", ["auto", "hybrid", "dense", "lexical"])
@pytest.mark.slow
def test_a_measure_does_not_depend_on_the_others(ties: Shell, mode: str) -> None:
    alone = ties(*EVAL, "--mode", mode, *TEN, "--save-run", "ten.trec", "--format", "json").json
    # of 150 equal ones the first and the tenth by id descending
    assert alone["measures"]["nDCG@10"] == pytest.approx((1 + 0.2890648) / 2.1309298)
    wide = ["--measures", "nDCG@10 R@100 AP", "--ablate", "search"]
    done = ties(*EVAL, "--mode", mode, *wide, "--format", "json").json
    for found in (done, *done["ablations"]):
        assert found["measures"]["nDCG@10"] == alone["measures"]["nDCG@10"], found.get("search")
    last = 49 if mode in ("auto", "hybrid") else 139
    run = (ties.folder / "ten.trec").read_text().splitlines()
    assert [line.split()[2] for line in run] == [f"d{i:03}" for i in range(149, last, -1)]
    again = ties("eval", "--run", "ten.trec", "--qrels", "qrels.tsv", *TEN, "--format", "json")
    assert again.json["measures"] == alone["measures"]


def test_a_gate_on_one_measure_takes_the_baseline_of_many(ties: Shell) -> None:
    assert ties(*EVAL, "--report", "base.json").code == 0
    gate = ["--baseline", "base.json", "--max-drop", "nDCG@10=1%"]
    done = ties(*EVAL, *TEN, *gate)
    assert done.code == 0, done.err
    assert "depth" not in done.err


def test_a_deeper_run_is_named_as_a_cause(ties: Shell) -> None:
    assert ties(*EVAL, "--report", "base.json", "--report", "deep.json").code == 0
    text = (ties.folder / "base.json").read_text()
    base = json.loads(text)
    base["measures"]["nDCG@10"] = base["per_query"]["q"]["nDCG@10"] = 1.0
    ties.write("base.json", json.dumps(base))
    deep = ["--measures", "nDCG@10 AP", "--report", "deep.json"]
    done = ties(*EVAL, *deep, "--baseline", "base.json", "--max-drop", "nDCG@10=1%")
    assert done.code == 3
    why = "depth was 100, is 1000 (more candidates are weighed, for all measures)"
    assert f"cause: other settings than the baseline's: {why}" in done.err
    assert f"note: {why}" in ties("eval", "diff", "base.json", "deep.json").out
    # candidates of one search are the same at every depth
    deep += ["--mode", "dense"]
    assert ties(*EVAL, "--mode", "dense", "--report", "base.json").code == 0
    done = ties(*EVAL, *deep, "--baseline", "base.json")
    assert done.code == 0
    assert "depth" not in done.err + ties("eval", "diff", "base.json", "deep.json").out
