"""A project file, what `qembed config` says of its settings, and what a query finds under them."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Shell


def project(shell: Shell, text: str) -> None:
    shell.write(".qembed.toml", text)


def setting(shell: Shell, name: str, **env: str) -> tuple[Any, str]:
    (found,) = [
        s for s in shell("config", "--format", "json", **env).json["settings"] if s["name"] == name
    ]
    return found["value"], found["from"]


def documents(shell: Shell, *args: str) -> list[str]:
    done = shell("query", "note", "--format", "jsonl", *args)
    assert done.code == 0, done.err
    return sorted(line["document"] for line in done.lines)


def settings(shell: Shell) -> dict[str, Any]:
    body = shell("config", "--format", "json").json
    return {s["name"]: {"value": s["value"], "from": s["from"]} for s in body["settings"]}
