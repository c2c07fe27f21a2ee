"""Comparison of commands through a server with the same without one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import qembed.serve.client as client
from qembed.cli.console import dumps
from qembed.pipeline.retrieval.answer import Answer, hit_json
from qembed.serve.messages import answer_of, call_json
from tests.cli.conftest import Done, Shell
from tests.serve.conftest import Running

FORMATS = ["text", "json", "jsonl", "tsv", "trec", "paths"]


def timeless(out: str) -> str:
    """JSON without timings, which two runs cannot share."""
    try:
        body = json.loads(out)
    except ValueError:
        return out
    if isinstance(body, dict):
        for part in (body, *body.get("queries", [])):
            part.pop("seconds", None)
    return json.dumps(body)


def both(running: Running, *args: str, stdin: str | bytes = "", served: bool = True) -> Done:
    """Result through the server, checked to be that without it. `served`: whether the server is asked."""
    before = running.requests
    warm = running.shell(*args, stdin=stdin)
    assert running.requests - before == (1 if served else 0)
    cold = running.shell(*args, "--no-server", stdin=stdin)
    assert (timeless(warm.out), warm.err, warm.code) == (timeless(cold.out), cold.err, cold.code)
    return warm


def request_of(shell: Shell, text: str) -> dict[str, Any]:
    """Message that `qembed query TEXT` sends."""
    caught: list[dict[str, Any]] = []

    def ask(index: Path, operation: str, request: dict[str, Any], detail: object) -> None:
        caught.append(call_json(operation, request))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "ask", ask)
        assert shell("query", text, "--format", "jsonl").code == 0
    return caught[0]


def with_queries(message: dict[str, Any], *texts: str) -> dict[str, Any]:
    """The same message with other queries."""
    queries = [
        {"id": str(i), "text": t, "task": None, "where": None} for i, t in enumerate(texts, 1)
    ]
    return {**message, "request": {**message["request"], "queries": queries}}


def with_options(message: dict[str, Any], **options: object) -> dict[str, Any]:
    """The same message with other options."""
    changed = {**message["request"]["options"], **options}
    return {**message, "request": {**message["request"], "options": changed}}


def jsonl(reply: dict[str, Any]) -> str:
    """Output of a reply with `--format jsonl`."""
    answer = Answer.from_json(answer_of(reply))
    return "".join(
        dumps(hit_json(r, n, h)) + "\n" for r in answer.results for n, h in enumerate(r.hits, 1)
    )
