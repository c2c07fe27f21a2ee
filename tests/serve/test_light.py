"""What a command imports when a server does the work."""

from __future__ import annotations

from tests.cli.imports import HEAVY, imported
from tests.serve.conftest import Running


def test_a_served_query_imports_nothing_heavy(running: Running) -> None:
    heavy = HEAVY | {"rich", "tantivy", "hnswlib", "tokenizers", "pydantic", "pandas"}
    before = running.requests
    for form in ("text", "jsonl"):
        assert not imported(running.shell, "query", "locked", "--format", form) & heavy
    assert running.requests == before + 2
