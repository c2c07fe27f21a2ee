"""An index's reranker, loaded beside the search that comes before it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from qembed.errors import ModelUnavailable
from qembed.models import Model
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.loaded_model import LoadedModel, ModelSource
from qembed.pipeline.retrieval.session import Session
from qembed.store.manifest import Manifest


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    top = tmp_path_factory.mktemp("loaded")
    (top / "a.txt").write_text("a zebra in the yard")
    recipe = RecipeOptions(model="py:tests.encoders:bag")
    build(top / ".qembed", IndexOptions(paths=(str(top / "a.txt"),), recipe=recipe))
    with Session(top / ".qembed") as session:
        return session.snapshot.manifest


class Rerankers(ModelSource):
    """Opens anything as a reranker, once it is allowed to; `asked`: (spec, is the main thread)."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, bool]] = []
        self.allowed = threading.Event()
        self._error = error

    def reranker(self, spec: str, model: Model) -> Any:
        self.asked.append((spec, threading.current_thread() is threading.main_thread()))
        assert self.allowed.wait(20)
        if self._error is not None:
            raise self._error
        return f"{spec} beside {model.name}"


def test_a_builtin_reranker_is_loaded_beside_the_search(manifest: Manifest) -> None:
    source = Rerankers()
    loaded = LoadedModel(manifest, source=source)
    loaded.load_ahead("minilm-l12")
    assert loaded.encoder.encode(["zebra"]).shape[0] == 1  # while it is being loaded
    source.allowed.set()
    found = loaded.reranker("minilm-l12")
    assert str(found).startswith("minilm-l12 beside ")
    loaded.load_ahead("minilm-l12")
    assert loaded.reranker("minilm-l12") is found
    assert source.asked == [("minilm-l12", False)]


@pytest.mark.parametrize("spec", [None, "late", "py:mine:Reranker", "http://127.0.0.1:1/v1#x"])
def test_others_are_loaded_when_they_are_needed(manifest: Manifest, spec: str | None) -> None:
    source = Rerankers()
    source.allowed.set()
    loaded = LoadedModel(manifest, source=source)
    loaded.load_ahead(spec)
    assert source.asked == []
    if spec is not None:
        loaded.reranker(spec)
        assert source.asked == [(spec, True)]


def test_where_no_thread_can_begin_it_is_loaded_when_it_is_needed(
    manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    source = Rerankers()
    source.allowed.set()
    loaded = LoadedModel(manifest, source=source)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        loaded.load_ahead("minilm-l12")
    assert str(loaded.reranker("minilm-l12")).startswith("minilm-l12 beside ")
    assert source.asked == [("minilm-l12", True)]


def test_its_error_is_the_answers(manifest: Manifest) -> None:
    source = Rerankers(ModelUnavailable("no such weights"))
    source.allowed.set()
    loaded = LoadedModel(manifest, source=source)
    loaded.load_ahead("minilm-l12")
    with pytest.raises(ModelUnavailable, match="no such weights"):
        loaded.reranker("minilm-l12")
