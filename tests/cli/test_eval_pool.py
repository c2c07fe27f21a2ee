"""qembed eval pool: candidates to judge, and judgments of them."""

from __future__ import annotations

import json

from tests.cli.conftest import FILES, Shell


def test_a_pool_is_judged_and_evaluated(collection: Shell) -> None:
    collection(*FILES, "--save-run", "run.trec")
    done = collection("eval", "pool", "--queries", "q.jsonl", "--run", "run.trec", "--depth", "3",
                   "--qrels", "qrels.tsv", "-o", "pool.jsonl")  # fmt: skip
    assert done.code == 0, done.err
    lines = [json.loads(x) for x in (collection.folder / "pool.jsonl").read_text().splitlines()]
    assert all(line["text"] for line in lines)
    q1 = [line for line in lines if line["query_id"] == "q1"]
    assert 3 <= len(q1) <= 13
    assert sum(line["grade"] is not None for line in lines) == 30  # what was judged before
    collection.write(
        "pool.jsonl", "".join(json.dumps(x | {"grade": x["grade"] or 0}) + "\n" for x in lines)
    )
    done = collection("eval", "pool", "--judged", "pool.jsonl", "-o", "new.tsv")
    assert done.code == 0, done.err
    assert f"{len(lines)} judgments of 30 queries" in done.err
    found = collection("eval", "--queries", "q.jsonl", "--qrels", "new.tsv", "--measures", "Judged@3",
                    "--mode", "dense", "--format", "json")  # fmt: skip
    assert found.json["measures"]["Judged@3"] == 1
    assert collection("eval", "pool", "-o", "x.tsv").code == 2
    collection.write("foreign.trec", "q1 Q0 nowhere 1 1.0 x\n")
    done = collection(
        "eval", "pool", "--queries", "q.jsonl", "--run", "foreign.trec", "-o", "x.tsv"
    )
    assert done.code == 2
    assert "'nowhere' is not in the index" in done.err


def test_a_task_that_changes_nothing_is_told_once(collection: Shell) -> None:
    done = collection("eval", "pool", "--queries", "q.jsonl", "-o", "p.tsv", "--task", "web")
    assert done.code == 0
    assert done.err.count("--task changes nothing: ") == 1
