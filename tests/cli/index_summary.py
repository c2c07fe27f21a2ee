"""The summary of `qembed index`, as JSON."""

from __future__ import annotations

from typing import Any

from tests.cli.conftest import Shell


def summary(shell: Shell, *args: str, code: int = 0) -> Any:
    done = shell("index", *args, "--format", "json")
    assert done.code == code, done.err
    return done.json
