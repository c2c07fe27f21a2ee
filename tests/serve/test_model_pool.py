"""Models of a server from one generation to the next: the same weights for the same content."""

from __future__ import annotations

import pytest

from qembed.models import open_reranker
from qembed.pipeline.retrieval.loaded_model import ModelSource
from qembed.serve.batching_encoder import BatchingEncoder
from qembed.serve.model_pool import ModelPool

BAG, OTHER = "py:tests.encoders:bag", "py:tests.encoders:other"
SHOUTING = "py:tests.encoders:shouting"


def test_the_same_content_keeps_its_weights() -> None:
    pool = ModelPool()
    first = pool.open(BAG)
    encoder = pool.encoder(first)
    assert isinstance(encoder, BatchingEncoder)
    assert pool.open(BAG) is first
    assert pool.encoder(pool.open(BAG)) is encoder


def test_another_content_drops_them() -> None:
    pool = ModelPool()
    first = pool.open(BAG)
    encoder, reranker = pool.encoder(first), pool.reranker(SHOUTING, first)
    other = pool.open(OTHER)
    assert other is not first
    assert pool.encoder(other) is not encoder
    assert pool.open(BAG) is not first
    assert pool.reranker(SHOUTING, first) is not reranker


def test_one_reranker_for_all_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks come with the pairs: a second task does not load the model a second time."""
    pool = ModelPool()
    model = pool.open(BAG)
    first = pool.reranker(SHOUTING, model)
    monkeypatch.setattr(ModelSource, "reranker", lambda *_: pytest.fail("loaded again"))
    assert pool.reranker(SHOUTING, model) is first


def test_late_interaction_is_of_the_model_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ModelPool()
    opened: list[object] = []

    def late(_: ModelSource, spec: str, model: object) -> object:
        opened.append(model)
        return open_reranker(spec, model)  # type: ignore[arg-type]

    monkeypatch.setattr(ModelSource, "reranker", late)
    first = pool.open(BAG)
    pool.reranker("late", first)
    other = pool.open(OTHER)
    pool.reranker("late", other)
    assert opened == [first, other]


def test_a_remote_model_gets_a_new_encoder_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its probe vectors are compared again, and no vector of before is kept."""
    pool = ModelPool()
    model = pool.open(BAG)
    monkeypatch.setattr(type(model), "is_remote", True)
    assert pool.encoder(model) is not pool.encoder(model)
