"""What a command imports when a server does the work."""

from __future__ import annotations

import pytest

from tests.cli.imports import HEAVY, imported
from tests.serve.comparison import FORMATS
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow


def test_a_served_query_imports_nothing_heavy(running: Running) -> None:
    heavy = HEAVY | {"rich", "tantivy", "hnswlib", "usearch", "tokenizers", "pydantic", "pandas"}
    before = running.requests
    needed = {"text": {"rich"}}
    for form in FORMATS:
        found = imported(running.shell, "query", "locked", "--format", form)
        assert found & heavy == needed.get(form, set()), form
    assert running.requests == before + len(FORMATS)
