"""`qembed rerank` prints every format of `query`, for hits of a pipe, of a run and of another program."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import LONG, Shell


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "tsv", "trec", "paths", "vimgrep"])
def test_rerank_prints_every_format(mixed: Shell, form: str) -> None:
    hits = mixed("query", "zebra walks", "--format", "jsonl").out
    done = mixed("rerank", "--model", "py:tests.encoders:shouting", "--format", form, stdin=hits)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    if form == "json":
        assert [len(q["hits"]) for q in done.json["queries"]] == [4]
        assert done.json["queries"][0]["query"] == "zebra walks"
    elif form == "text":
        assert "docs/b.md:3" in done.out
        assert "user=ann" in done.out
    else:
        assert len(lines) == (3 if form in ("paths", "vimgrep") else 4)
        assert ("m1" in done.err) == (form in ("paths", "vimgrep"))
    if form == "paths":
        assert f"docs/{LONG}" in lines
    if form == "trec":
        assert all(re.match(r"1 Q0 \S+ \d \S+ qembed", line) for line in lines)


@pytest.mark.parametrize("form", ["text", "json", "jsonl", "tsv", "trec", "paths", "vimgrep"])
def test_a_run_too(mixed: Shell, form: str) -> None:
    mixed.write("run", mixed("query", "zebra walks", "--format", "trec").out)
    mixed.write("q.jsonl", '{"_id": "1", "text": "zebra walks"}\n')
    args = [
        "rerank",
        "--run",
        "run",
        "--queries",
        "q.jsonl",
        "--model",
        "py:tests.encoders:shouting",
    ]
    done = mixed(*args, "--format", form, "-k", "3")
    assert done.code == 0, done.err
    if form == "json":
        assert len(done.json["queries"][0]["hits"]) == 3
    elif form == "text":
        assert "docs/" in done.out
    elif form not in ("paths", "vimgrep"):  # a record of no file may be among the three
        assert len(done.out.splitlines()) == 3
    if form == "jsonl":
        trec = [line.split()[2] for line in mixed(*args, "-k", "3").out.splitlines()]
        assert [h["document"] for h in done.lines] == trec
        assert all(h["text"] and h["scores"]["rerank"] is not None for h in done.lines)


def test_hits_of_another_program_need_words_only(shell: Shell) -> None:
    lines = (
        '{"query": "late refund", "text": "Some words. A late refund is paid."}\n'
        '{"query": "late refund", "text": "x", "passage": 3, "path": 4}\n'
    )
    args = ("rerank", "--model", "py:tests.encoders:shouting", "--format")
    done = shell(*args, "text", stdin=lines)
    assert done.code == 0, done.err
    assert "A late refund is paid." in done.out
    done = shell(*args, "vimgrep", stdin=lines)
    assert done.out == ""
    assert "records of no file are not shown: hit-1 and 1 more" in done.err
