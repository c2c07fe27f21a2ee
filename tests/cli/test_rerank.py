"""Reranking from the command line: budgets, thresholds, what scores are, and what the reranker reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from qembed.models.builtin.registry import BUILTIN
from tests import stub
from tests.cli.conftest import Filled, Shell
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


slow, sure = Slow, Sure


@pytest.fixture
def many(filled: Filled) -> Shell:
    """Forty documents about parcels."""

    def index(shell: Shell) -> None:
        lines = [{"_id": f"d{i}", "text": f"parcel number {i} " + "word " * i} for i in range(40)]
        shell.write("c.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
        assert shell("index", "c.jsonl").code == 0

    return filled(index)


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
        (["--model", BUILTIN["minilm-l12"].hub], "gives no vectors (--rerank minilm-l12)"),
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


@pytest.mark.slow
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
