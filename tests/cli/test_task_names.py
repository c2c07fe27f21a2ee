"""`--task` that names nothing, or is empty, is refused, also where nothing takes a task."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.cli.conftest import BAG, FILES, Shell

SURE = "py:tests.cli.test_rerank:sure"
WAYS: dict[str, Sequence[str]] = {
    "by meaning": ("query", "w1"),
    "by words": ("query", "w1", "--mode", "lexical"),
    "without instruction": ("query", "w1", "--no-instruction"),
    "by words, reranked": ("query", "w1", "--mode", "lexical", "--rerank", SURE),
    "hits": ("rerank", "--model", SURE),
    "hits, late": ("rerank", "--model", "late"),
    "a run": ("rerank", "--run", "run.trec", "--queries", "q.jsonl", "--model", SURE),
    "eval": FILES,
    "eval by words": (*FILES, "--mode", "lexical"),
    "pool": ("eval", "pool", "--queries", "q.jsonl", "-o", "p.tsv"),
    "index": ("index",),
    "sts": ("eval", "sts", "sts.tsv", "--model", BAG),
    "show": ("models", "show", BAG),
    "show a reranker": ("models", "show", "minilm-l12"),
    "show late": ("models", "show", "late"),
}


@pytest.fixture
def asked(collection: Shell) -> Shell:
    collection.write(
        "sts.tsv", "score\tsentence1\tsentence2\n1\ta b\ta c\n0\ta b\td e\n0.5\ta b\ta e\n"
    )
    collection.write("run.trec", "q1 Q0 d1 1 1.0 x\n")
    return collection


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.slow
def test_a_task_that_names_nothing_is_refused(asked: Shell, way: str) -> None:
    hits = asked("query", "w1", "--format", "jsonl").out if way.startswith("hits") else ""
    unknown = [(task, f"unknown task {task!r}") for task in ("blorg", "Foo")]
    for task, message in (*unknown, ("", "empty task"), (" ", "empty")):
        done = asked(*WAYS[way], "--task", task, stdin=hits)
        assert (done.code, message in done.err) == (2, True), (task, done.err)
    done = asked(*WAYS[way], "--task", "find the pages", stdin=hits)
    assert done.code == 0, done.err


def test_a_model_that_takes_no_task_is_shown_with_a_note(shell: Shell) -> None:
    for spec in (BAG, "minilm-l12", "late"):
        shown = shell("models", "show", spec, "--task", "code", "--format", "json").json
        assert shown["note"] == "takes no task: --task changes nothing"
