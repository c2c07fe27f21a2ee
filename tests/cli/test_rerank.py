"""Reranking from the command line: budgets, thresholds, what scores are, and what the reranker reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests import stub
from tests.cli.conftest import Shell
from tests.encoders import Bag
from tests.stub import Server

SLOW = "py:tests.cli.test_rerank:slow"
SURE = "py:tests.cli.test_rerank:sure"
SHOUTING = "py:tests.encoders:shouting"


class Slow:
    """Takes so long that a small budget ends after the first slice."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        import time

        time.sleep(0.02 * len(pairs))
        return np.array([len(p) for _, p in pairs], dtype=np.float32)


class Sure:
    """Probabilities: .9 where the passage has all the query's words, else .1."""

    calibrated = True

    def score(self, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
        return np.array([0.9 if set(q.split()) <= set(p.split()) else 0.1 for q, p in pairs])


class Instructed(Bag):
    """An encoder whose queries carry their task."""

    query = "{task} {query}"


slow, sure, instructed = Slow, Sure, Instructed


@pytest.fixture
def many(shell: Shell) -> Shell:
    """Forty documents about parcels."""
    lines = [{"_id": f"d{i}", "text": f"parcel number {i} " + "word " * i} for i in range(40)]
    shell.write("c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert shell("index", "c.jsonl").code == 0
    return shell


def check_budget(lines: list[dict[str, Any]], plain: list[str]) -> None:
    """The first slice is scored and first, the rest follows unscored as it was."""
    scored = [h for h in lines if h["scores"]["rerank"] is not None]
    assert 8 <= len(scored) < 40
    assert lines[: len(scored)] == scored
    assert {h["document"] for h in scored} == set(plain[: len(scored)])
    assert [h["document"] for h in lines[len(scored) :]] == plain[len(scored) :]
    scores = [h["score"] for h in lines]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.slow
def test_a_budget_of_query_and_of_rerank(many: Shell) -> None:
    query = ("query", "parcel number", "-k", "40", "--format", "jsonl")
    found = many(*query)
    plain = [h["document"] for h in found.lines]
    one = many(*query, "--rerank", SLOW, "--rerank-budget", "100ms")
    assert one.code == 0, one.err
    check_budget(one.lines, plain)
    assert "of 40 pairs scored within --rerank-budget" in one.err
    pipe = many("rerank", "--model", SLOW, "--rerank-budget", "100ms", stdin=found.out)
    assert pipe.code == 0, pipe.err
    check_budget(pipe.lines, plain)
    assert "of 40 pairs scored within --rerank-budget" in pipe.err
    whole = many(*query, "--rerank", SHOUTING, "--rerank-budget", "60s")
    assert whole.err == ""
    assert all(h["scores"]["rerank"] is not None for h in whole.lines)


def test_a_budget_of_a_run(many: Shell) -> None:
    many.write("q.jsonl", '{"_id": "q1", "text": "parcel"}\n')
    rows = [f"q1 Q0 d{i} {i + 1} {40 - i} x\n" for i in range(40)]
    many.write("run.trec", "".join(rows))
    done = many(
        "rerank", "--run", "run.trec", "--queries", "q.jsonl", "--model", SLOW,
        "--rerank-budget", "0.1s", "--explain",
    )  # fmt: skip
    assert done.code == 0, done.err
    found = [line.split() for line in done.out.splitlines()]
    assert len(found) == 40
    scores = [float(row[4]) for row in found]
    assert scores == sorted(scores, reverse=True)
    n = sum(s > 0 for s in scores)
    assert 8 <= n < 40
    assert [row[2] for row in found[n:]] == [f"d{i}" for i in range(n, 40)]
    assert f"{n} of 40 pairs scored; scores are whatever {SLOW} gives" in done.err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--rerank-budget", "2s"], "--rerank-budget wants --rerank"),
        (["--rerank", "late", "--rerank-budget", "soon"], "a time such as 2s or 500ms is wanted"),
        (["--rerank", "late", "--min-score", "0.5"], "--min-score with --rerank late"),
        (["--rerank-share", "0.5"], "--rerank-share wants --rerank"),
        (["--rerank", "late", "--rerank-share", "0"], "--rerank-share: above 0 and at most 1"),
        (["--rerank", "late", "--rerank-share", "1.5"], "--rerank-share: above 0 and at most 1"),
        (["--rerank", "late", "--rerank-share", "nan"], "--rerank-share: above 0 and at most 1"),
        (["--rerank", "bge-small"], "it gives vectors and scores no pairs (--model takes it"),
        (["--model", "minilm-l12"], "it scores pairs and gives no vectors (--rerank minilm-l12)"),
    ],
)
def test_options_that_do_not_go_together(many: Shell, args: list[str], message: str) -> None:
    done = many("query", "parcel", *args)
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_share_mixes_with_the_order_before(many: Shell) -> None:
    query = ("query", "number 7 word", "--format", "jsonl", "-k", "40")
    plain = many(*query)
    before = [h["document"] for h in plain.lines]
    alone = [h["document"] for h in many(*query, "--rerank", SURE).lines]
    same = [h["document"] for h in many(*query, "--rerank", SURE, "--rerank-share", "1").lines]
    assert same == alone
    little = many(*query, "--rerank", SURE, "--rerank-share", "1e-9").lines
    assert [h["document"] for h in little] == before
    half = many(*query, "--rerank", SURE, "--rerank-share", "0.5").lines
    assert sorted(h["score"] for h in half) == [h["score"] for h in half][::-1]
    piped = many("rerank", "--model", SURE, "--rerank-share", "0.5", stdin=plain.out).lines
    assert [h["document"] for h in piped] == [h["document"] for h in half]
    # the threshold is the reranker's probability all the same
    sure = many(*query, "--rerank", SURE, "--rerank-share", "0.5", "--min-score", "0.5").lines
    assert {h["document"] for h in sure} == {
        h["document"] for h in half if h["scores"]["rerank"] >= 0.5
    }


def test_late_has_no_threshold_in_a_pipe_either(many: Shell) -> None:
    found = many("query", "parcel", "--format", "jsonl")
    done = many("rerank", "--min-score", "0.5", stdin=found.out)
    assert done.code == 2
    assert "--min-score with late" in done.err


def test_min_score_is_a_probability(many: Shell) -> None:
    query = ("query", "number 7 word", "--rerank", SURE, "--format", "jsonl", "-k", "40")
    wanted = {"d7"}
    done = many(*query, "--min-score", "0.5", "--explain")
    assert {h["document"] for h in done.lines} == wanted
    assert f"rerank: {SURE} (own), 40 of 40 pairs scored; scores are probabilities" in done.err
    found = many("query", "number 7 word", "--format", "jsonl", "-k", "40")
    pipe = many("rerank", "--model", SURE, "--min-score", "0.5", "--explain", stdin=found.out)
    assert {h["document"] for h in pipe.lines} == wanted
    assert "scores are probabilities" in pipe.err


def test_late_says_what_its_scores_are(many: Shell) -> None:
    err = many("query", "parcel", "--rerank", "late", "--explain").err
    assert "rerank: late (late), 40 of 40 pairs scored" in err
    assert "no probabilities" in err


def test_pairs_that_lost_text_are_counted_and_listed(shell: Shell) -> None:
    shell.write("c.jsonl", json.dumps({"_id": "long", "text": "parcel " * 900}) + "\n")
    assert shell("index", "c.jsonl", "--chunker", "none").code == 0
    done = shell("query", "parcel", "--rerank", "late", "-v")
    assert "1 pair was longer than the reranker reads" in done.err
    assert "cut short: 'parcel' with 'parcel parcel" in done.err
    assert "cut short" not in shell("query", "parcel", "--rerank", "late").err


# ── what a reranker reads ────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "*")
    with stub.serving() as made:
        yield made


@pytest.fixture
def prefixed(shell: Shell, server: Server) -> Shell:
    """An index whose encoder wants "query: " and "passage: " in front."""
    line = {"_id": "mars", "title": "Mars", "text": "is the red planet"}
    shell.write("c.jsonl", json.dumps(line) + "\n")
    done = shell("index", "c.jsonl", "--model", f"{server.base}#intfloat/e5-base-v2")
    assert done.code == 0, done.err
    assert "passage: Mars is the red planet" in server.texts
    return shell


def check_plain(server: Server) -> None:
    """What arrived last: the words, with the title, without the encoder's prefixes."""
    body = server.bodies[-1]
    assert (body["query"], body["documents"]) == ("red planet", ["Mars is the red planet"])


def test_a_cross_encoder_gets_words_without_prefixes(prefixed: Shell, server: Server) -> None:
    spec = f"{server.base}#reranker"
    encoder = f"{server.base}#intfloat/e5-base-v2"
    done = prefixed("query", "red planet", "--rerank", spec, "--format", "jsonl")
    assert done.code == 0, done.err
    assert "query: red planet" in server.texts
    check_plain(server)
    server.bodies.clear()
    pipe = prefixed("rerank", "--model", spec, "--encoder", encoder, stdin=done.out)
    assert pipe.code == 0, pipe.err
    check_plain(server)
    server.bodies.clear()
    prefixed.write("q.jsonl", '{"_id": "q1", "text": "red planet"}\n')
    prefixed.write("run.trec", "q1 Q0 mars 1 3 x\n")
    run = prefixed("rerank", "--run", "run.trec", "--queries", "q.jsonl", "--model", spec)
    assert run.code == 0, run.err
    check_plain(server)


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────

CODE = "Given a coding query, retrieve relevant code snippets"
POEMS = "find poems"


@pytest.fixture
def tasked(shell: Shell) -> Shell:
    """Two queries, one with a task of its own, and an index that remembers none."""
    lines = [{"_id": f"d{i}", "text": f"red fox number {i}"} for i in range(3)]
    shell.write("c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    shell.write("q.jsonl", QUERIES)
    assert shell("index", "c.jsonl").code == 0
    return shell


QUERIES = """{"_id": "own", "text": "red fox", "task": "find poems"}
{"_id": "none", "text": "fox number"}
"""


def told(server: Server) -> dict[str, str | None]:
    """Query -> the instruction that came with it."""
    return {b["query"]: b.get("instruction") for b in server.bodies}


@pytest.mark.parametrize(
    ("said", "other"), [([], None), (["--task", "code"], CODE), (["--rerank-budget", "9s"], None)]
)
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
    model = "py:tests.cli.test_rerank:instructed"
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


def test_verbose_names_the_phases(many: Shell) -> None:
    hits = many("query", "parcel number", "-k", "9", "--format", "jsonl").out
    done = many("rerank", "--model", SURE, "-v", "--no-server", stdin=hits)
    assert "qembed: seconds: load reranker " in done.err
    assert ", rerank " in done.err
    many.write("run", many("query", "parcel number", "--format", "trec").out)
    many.write("q.jsonl", '{"_id": "1", "text": "parcel number"}\n')
    args = ("rerank", "--run", "run", "--queries", "q.jsonl", "--model", SURE, "-v")
    [line] = [x for x in many(*args).err.splitlines() if "seconds: " in x]
    assert [s for s in ("read ", "open ", "load reranker ", "rerank ") if f" {s}" not in line] == []


def test_a_task_that_the_encoder_does_not_take_is_told(docs: Shell) -> None:
    hits = docs("query", "parcel", "--format", "jsonl").out
    done = docs("rerank", "--task", "code", stdin=hits)
    assert done.code == 0
    assert "warning: --task changes nothing: " in done.err
    assert "--task" not in docs("rerank", stdin=hits).err
