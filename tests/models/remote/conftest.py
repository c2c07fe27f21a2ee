"""A server that embeds texts and scores pairs, with the faults that a test asks for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qembed.models import Model, open_model
from qembed.models.remote import retry_policy
from tests import stub
from tests.stub import Server

TEXTS = [f"text {i} " + "word " * (i % 13) for i in range(150)] + ["火星是红色的行星", "x"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short pauses, no proxy, no key of the developer's."""
    monkeypatch.setattr(retry_policy, "FIRST_PAUSE", 0.005)
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("QEMBED_API_KEY", "QEMBED_RERANK_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with stub.serving() as made:
        yield made


def model_at(server: Server, name: str = "bag", dim: int | None = None) -> Model:
    return open_model(f"{server.base}#{name}", dim=dim)
