"""Tasks of queries as a reranker reads them: options, lines of a pipe, and what an index remembers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests import stub
from tests.cli.conftest import Filled, Shell
from tests.encoders import Bag
from tests.stub import Server


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")
    with stub.serving() as made:
        yield made


class Instructed(Bag):
    """An encoder whose queries carry their task."""

    query = "{task} {query}"


instructed = Instructed


CODE = "Given a coding query, retrieve relevant code snippets"


POEMS = "find poems"


@pytest.fixture
def tasked(filled: Filled) -> Shell:
    """Two queries, one with a task of its own, and an index that remembers none."""

    def index(shell: Shell) -> None:
        lines = [{"_id": f"d{i}", "text": f"red fox number {i}"} for i in range(3)]
        shell.write("c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        shell.write("q.jsonl", QUERIES)
        assert shell("index", "c.jsonl").code == 0

    return filled(index)


QUERIES = """{"_id": "own", "text": "red fox", "task": "find poems"}
{"_id": "none", "text": "fox number"}
"""


def told(server: Server) -> dict[str, str | None]:
    """Query -> the instruction that came with it."""
    return {b["query"]: b.get("instruction") for b in server.bodies}


@pytest.mark.parametrize(
    ("said", "other"), [([], None), (["--task", "code"], CODE), (["--rerank-budget", "9s"], None)]
)
@pytest.mark.slow
def test_each_query_is_reranked_with_its_task(
    tasked: Shell, server: Server, said: list[str], other: str | None
) -> None:
    spec = f"{server.base}#some/reranker"
    wanted = {"red fox": POEMS, "fox number": other}
    query = ("query", "-", "--rerank", spec, "--format", "jsonl", *said)
    found = tasked(*query, stdin=QUERIES)
    assert found.code == 0, found.err
    assert told(server) == wanted
    # the lines carry a query's own task, so that a pipe does not lose it
    assert {h["query"]: h.get("task") for h in found.lines} == {
        "red fox": POEMS,
        "fox number": None,
    }
    server.bodies.clear()
    pipe = tasked("rerank", "--model", spec, *said, stdin=found.out)
    assert pipe.code == 0, pipe.err
    assert told(server) == wanted
    server.bodies.clear()
    rows = [f"{q} Q0 d{i} {i + 1} {3 - i} x\n" for q in ("own", "none") for i in range(3)]
    tasked.write("run.trec", "".join(rows))
    files = ("--run", "run.trec", "--queries", "q.jsonl")
    run = tasked("rerank", *files, "--model", spec, *said)
    assert run.code == 0, run.err
    assert told(server) == wanted


def test_eval_reranks_each_query_with_its_task(tasked: Shell, server: Server) -> None:
    spec = f"{server.base}#some/reranker"
    tasked.write("qrels.tsv", "query-id\tcorpus-id\tscore\nown\td1\t1\nnone\td2\t1\n")
    files = ("--queries", "q.jsonl", "--qrels", "qrels.tsv")
    done = tasked("eval", *files, "--rerank", spec, "--task", "code")
    assert done.code == 0, done.err
    assert told(server) == {"red fox": POEMS, "fox number": CODE}


def test_the_index_remembers_a_task_for_its_reranker_too(tasked: Shell, server: Server) -> None:
    assert tasked("index", "--task", "code").code == 0
    spec = f"{server.base}#some/reranker"
    assert tasked("query", "-", "--rerank", spec, stdin=QUERIES).code == 0
    assert told(server) == {"red fox": POEMS, "fox number": CODE}


def test_late_interaction_reads_each_task_in_its_query(shell: Shell) -> None:
    """In a pipe as in a query: the same scores, which an instruction moves."""
    shell.write("c.jsonl", json.dumps({"_id": "d", "text": "red fox in poems"}) + "\n")
    model = "py:tests.cli.test_rerank_tasks:instructed"
    assert shell("index", "c.jsonl", "--model", model).code == 0
    found = shell("query", "-", "--rerank", "late", "--format", "jsonl", stdin=QUERIES)
    assert found.code == 0, found.err
    pipe = shell("rerank", "--model", "late", stdin=found.out)
    assert pipe.code == 0, pipe.err
    late = [h["scores"]["rerank"] for h in found.lines]
    assert [h["scores"]["rerank"] for h in pipe.lines] == pytest.approx(late, abs=1e-5)
    bare = [{**h, "task": None} for h in found.lines]
    plain = shell("rerank", "--model", "late", stdin="".join(json.dumps(h) + "\n" for h in bare))
    assert plain.lines[0]["scores"]["rerank"] != pytest.approx(late[0], abs=1e-3)
    assert plain.lines[1]["scores"]["rerank"] == pytest.approx(late[1], abs=1e-5)


@pytest.mark.parametrize("task", [5, ["code"]])
def test_a_task_that_is_no_text(tasked: Shell, task: Any) -> None:
    line = json.dumps({"_id": "1", "text": "fox", "query": "fox", "task": task}) + "\n"
    query = tasked("query", "-", stdin=line)
    assert (query.code, query.out) == (2, "")
    assert '-:1: not a JSON object with "text"' in query.err
    pipe = tasked("rerank", stdin=line)
    assert (pipe.code, pipe.out) == (2, "")
    assert "-:1: not a hit" in pipe.err


def test_a_task_that_the_encoder_does_not_take_is_told(docs: Shell) -> None:
    hits = docs("query", "parcel", "--format", "jsonl").out
    done = docs("rerank", "--task", "code", stdin=hits)
    assert done.code == 0
    assert "warning: --task changes nothing: " in done.err
    assert "--task" not in docs("rerank", stdin=hits).err


SURE = "py:tests.encoders:shouting"
OWN_TASK = json.dumps({"_id": "own", "text": "red fox", "task": "find poems"}) + "\n"
NEITHER = f"changes nothing: bag-of-words takes no task, and {SURE} takes none"


@pytest.mark.parametrize(
    ("args", "stdin", "said"),
    [
        (("query", "fox", "--task", "web", "--rerank", SURE), "", f"--task {NEITHER}"),
        (("query", "-", "--rerank", SURE), OWN_TASK, f'"task" {NEITHER}'),
        (("query", "-", "--task", "web", "--rerank", SURE), QUERIES, f"--task {NEITHER}"),
        (("query", "-", "--rerank", "late"), OWN_TASK,
         '"task" changes nothing: bag-of-words takes no task'),
        (("query", "fox", "--task", "web", "--rerank", SURE, "--mode", "lexical"), "",
         f"--task changes nothing: --mode lexical encodes nothing, and {SURE} takes none"),
        (("query", "fox", "--task", "web", "--rerank", SURE, "--no-instruction"), "",
         "--task and --no-instruction change nothing: bag-of-words has none"),
        (("query", "fox", "--task", "web", "--rerank", SURE, "--no-instruction",
          "--template", "{task} {query}"), "",
         f"--task changes nothing: --no-instruction leaves it out, and {SURE} takes none"),
        (("eval", "--queries", "q.jsonl", "--qrels", "qrels.tsv", "--task", "web", "--rerank", SURE),
         "", f"--task {NEITHER}"),
        (("rerank", "--run", "run.trec", "--queries", "q.jsonl", "--task", "web", "--model", SURE),
         "", f"--task changes nothing: {SURE} takes no task"),
        (("rerank", "--run", "run.trec", "--queries", "q.jsonl", "--model", "late"), "",
         '"task" changes nothing: bag-of-words takes no task'),
        (("rerank", "--task", "web", "--model", SURE), "hits",
         f"--task changes nothing: {SURE} takes no task"),
        (("rerank", "--model", SURE), "own hits", f'"task" changes nothing: {SURE} takes no task'),
    ],
)  # fmt: skip
@pytest.mark.slow
def test_a_task_that_neither_encoder_nor_reranker_takes_is_told(
    tasked: Shell, args: tuple[str, ...], stdin: str, said: str
) -> None:
    tasked.write("qrels.tsv", "query-id\tcorpus-id\tscore\nown\td0\t1\n")
    tasked.write("run.trec", "own Q0 d0 1 1.0 x\nown Q0 d1 2 0.5 x\n")
    if stdin.endswith("hits"):
        query = OWN_TASK if stdin.startswith("own") else "fox\n"
        stdin = tasked("query", "-", "--format", "jsonl", stdin=query).out
    done = tasked(*args, stdin=stdin)
    assert done.code == 0, done.err
    told = [line for line in done.err.splitlines() if "nothing: " in line]
    assert told == [f"qembed: warning: {said}"], done.err


def test_a_task_that_one_of_them_takes_is_not(tasked: Shell, server: Server) -> None:
    read = f"{server.base}#some/reranker"
    for args in (
        ("query", "fox", "--task", "web", "--rerank", read),
        ("query", "fox", "--task", "web", "--rerank", read, "--mode", "lexical"),
        ("query", "fox", "--task", "web", "--rerank", SURE, "--template", "{task} {query}"),
        ("query", "fox", "--rerank", SURE),
    ):
        done = tasked(*args)
        assert done.code == 0, done.err
        assert "nothing: " not in done.err
    hits = tasked("query", "fox", "--format", "jsonl").out
    assert "nothing: " not in tasked("rerank", "--task", "web", "--model", read, stdin=hits).err
