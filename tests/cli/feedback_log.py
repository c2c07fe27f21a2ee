"""What tests of feedback write to the log of an index, and what they read from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qembed.feedback.log_reader import read_records
from qembed.feedback.log_rows import encode_row, row_of
from qembed.feedback.log_store import LogStore
from qembed.feedback.records import Event, LoggedQuery
from tests.cli.conftest import Shell
from tests.feedback.simulated import Log


def records(shell: Shell) -> list[LoggedQuery | Event]:
    def torn(line: object, why: object) -> None:
        raise AssertionError(line, why)

    return list(read_records(LogStore(shell.folder / ".qembed"), torn))


def logged(shell: Shell) -> list[LoggedQuery]:
    return [r for r in records(shell) if isinstance(r, LoggedQuery)]


def events(shell: Shell) -> list[Event]:
    return [r for r in records(shell) if isinstance(r, Event)]


def ask(shell: Shell, *args: str, **env: str) -> str:
    """The id of a query that is logged."""
    done = shell("query", "money", "--log", "--format", "json", *args, **env)
    assert done.code == 0, done.err
    name = done.json["queries"][0]["logged_as"]
    assert isinstance(name, str)
    return name


def add(shell: Shell, query_id: str, action: str, document: str, *args: str) -> None:
    done = shell("feedback", "add", query_id, "--action", action, "--object", document, *args)
    assert done.code == 0, done.err


def append(shell: Shell, log: Log) -> None:
    """Write a log as it is, without asking the index anything."""
    store = LogStore(shell.folder / ".qembed")
    store.append([encode_row(row_of(r)) for r in [*log.queries, *log.events]])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
