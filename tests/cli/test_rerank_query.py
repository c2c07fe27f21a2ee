"""Hits reranked in a query, in a pipe and from a run; a forgotten value of `--rerank`."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


class TestRerank:
    def test_in_query(self, docs: Shell) -> None:
        plain = docs("query", "money back", "--format", "jsonl").lines
        done = docs("query", "money back", "--rerank", "late", "--format", "jsonl")
        assert done.code == 0, done.err
        assert {h["document"] for h in done.lines} == {h["document"] for h in plain}
        assert all(h["scores"]["rerank"] is not None for h in done.lines)
        assert done.lines[0]["document"] == "refunds.md"

    def test_before_the_query(self, docs: Shell) -> None:
        done = docs("query", "--rerank", "late", "money back", "--format", "jsonl")
        assert done.lines[0]["query"] == "money back"

    @pytest.mark.parametrize(
        "args",
        [
            ["money back", "--rerank"],
            ["money back", "--rerank", "--explain"],
            ["money back", "--rerank", "-k", "2"],
            ["money back", "--rerank="],
            ["--rerank", "money back"],
            ["--rerank", "money"],
            ["--rerank", "input/output"],
        ],
    )
    def test_a_forgotten_value(self, docs: Shell, args: list[str]) -> None:
        done = docs("query", *args)
        assert (done.code, done.out) == (2, "")
        assert "--rerank late" in done.err
        done = docs("eval", "--queries", "q.jsonl", "--qrels", "q.tsv", "--rerank")
        assert (done.code, done.out) == (2, "")
        assert "--rerank late" in done.err

    def test_the_option_as_a_query(self, docs: Shell) -> None:
        assert docs("query", "--format", "jsonl", "--", "--rerank").lines[0]["query"] == "--rerank"

    def test_own_reranker(self, docs: Shell) -> None:
        docs.write("docs/loud.md", "NOTHING TO DO WITH IT")
        docs("index")
        done = docs(
            "query", "money back", "--rerank", "py:tests.encoders:shouting", "--format", "jsonl"
        )
        assert done.lines[0]["document"] == "loud.md"
        assert done.lines[0]["score"] == done.lines[0]["scores"]["rerank"]

    def test_in_a_pipe(self, docs: Shell) -> None:
        found = docs("query", "-", "--format", "jsonl", stdin="money back\nparcel\n")
        done = docs("rerank", "-k", "2", stdin=found.out)
        assert done.code == 0, done.err
        assert [(h["query_id"], h["rank"]) for h in done.lines] == [
            ("1", 1), ("1", 2), ("2", 1), ("2", 2),
        ]  # fmt: skip
        inside = docs(
            "query", "money back", "--rerank", "late", "-k", "2", "--format", "jsonl"
        ).lines
        assert [h["document"] for h in inside] == [h["document"] for h in done.lines[:2]]
        assert inside[0]["score"] == pytest.approx(done.lines[0]["score"], abs=1e-4)

    def test_a_run_from_elsewhere(self, docs: Shell) -> None:
        docs.write("q.jsonl", '{"_id": "q1", "text": "money back"}\n')
        docs.write(
            "run.trec",
            "q1 Q0 deep/locks.txt 1 3 x\nq1 Q0 refunds.md 2 2.9 x\nq1 Q0 parcels.md 3 1 x\n",
        )
        done = docs("rerank", "--run", "run.trec", "--queries", "q.jsonl", "-k", "2")
        assert done.code == 0, done.err
        rows = [line.split() for line in done.out.splitlines()]
        assert rows[0][2] == "refunds.md"
        assert len(rows) == 2
        docs.write("run.trec", "q1 Q0 not-here.md 1 3 x\nq9 Q0 refunds.md 2 2 x\n")
        done = docs("rerank", "--run", "run.trec", "--queries", "q.jsonl")
        assert done.code == 2
        assert "not-here.md" in done.err
        assert "q9" in done.err

    def test_lines_that_are_no_hits(self, docs: Shell) -> None:
        done = docs("rerank", stdin='{"query": "x"}\nnonsense\n')
        assert done.code == 2
        assert "-:1" in done.err
        assert "-:2" in done.err
