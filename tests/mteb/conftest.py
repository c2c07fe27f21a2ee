"""A tiny sentence-transformers folder, no network, and caches of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.models import tiny

PROMPTS = {
    "query": "query: ",
    "document": "passage: ",
    "STS": "which is like: ",
    "Clustering": "numbers 0 1 2: ",
    "Reranking-query": "Search: ",
    "Classification": "red planet ",
}
"""Prompts by every kind of name that mteb looks up."""


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder))
        patch.setenv("MTEB_CACHE", str(folder / "mteb"))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    """A model without prompts, saved by sentence-transformers."""
    top = tmp_path_factory.mktemp("model")
    return tiny.saved(tiny.bert(top / "bare"), top / "nobody-knows", "mean")


@pytest.fixture(scope="session")
def prompted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with prompts of its own."""
    copy = tiny.copy(folder, tmp_path_factory.mktemp("prompted") / "nobody-knows")
    return tiny.change(copy, "config_sentence_transformers.json", prompts=PROMPTS)


@pytest.fixture(scope="session")
def kinds(quietly: None) -> ModuleType:
    """The small tasks, imported late: mteb brings torch, scikit-learn and datasets along."""
    pytest.importorskip("mteb")
    from tests.mteb import kinds

    return kinds
