"""Commands through the server beside the same without it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import qembed.serve.client as client
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
    """The answer through the server, once it is seen to be the one without it."""
    before = running.requests
    warm = running.shell(*args, stdin=stdin)
    assert running.requests - before == (1 if served else 0)
    cold = running.shell(*args, "--no-server", stdin=stdin)
    assert (timeless(warm.out), warm.err, warm.code) == (timeless(cold.out), cold.err, cold.code)
    return warm


def request_of(shell: Shell, text: str) -> dict[str, object]:
    """What the command sends, caught on its way."""
    caught: list[dict[str, object]] = []

    def ask(index: Path, do: str, body: dict[str, object], detail: object) -> None:
        from qembed.serve.socket_address import relevant_environment

        caught.append(
            {"do": do, "folder": str(Path.cwd()), "environ": relevant_environment(), **body}
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "ask", ask)
        assert shell("query", text, "--format", "jsonl").code == 0
    return caught[0]
