"""`similar` through a server: the same bytes as without one."""

from __future__ import annotations

import pytest

from tests.serve.comparison import both
from tests.serve.conftest import Running

pytestmark = pytest.mark.slow


def test_documents_files_texts_and_mistakes_are_the_same_bytes(running: Running) -> None:
    before = running.requests
    both(running, "similar", "refunds.md", "--format", "jsonl")
    both(running, "similar", "docs/parcels.md", "--by", "passage")
    both(running, "similar", "-", "-k", "1", "--format", "tsv", stdin="Money comes back")
    both(running, "similar", "refunds.md", "--where", "suffix = '.txt'", "--min-score", "0")
    assert running.requests >= before + 4
    assert both(running, "similar", "nope.md").code == 2
