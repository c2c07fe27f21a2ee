"""An index of a model that encodes queries and documents by different modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.cli.render.model import model_lines
from qembed.models.folder_model import FolderModel
from qembed.models.torch_encoder import TorchEncoder
from qembed.pipeline.diagnostics.models import compare_models, show_model
from qembed.pipeline.diagnostics.verify import verify
from qembed.pipeline.experiments import gate_causes
from qembed.pipeline.indexing.build import build
from qembed.pipeline.indexing.options import IndexOptions
from qembed.pipeline.recipe import RecipeOptions
from qembed.pipeline.retrieval.request import Query, QueryOptions
from qembed.pipeline.retrieval.retriever import Retriever
from qembed.pipeline.retrieval.session import Session
from qembed.store import Snapshot
from tests.models import routed, shapes, tiny
from tests.models.reference import unit
from tests.models.shapes import NEAR, theirs

pytestmark = pytest.mark.slow
TEXTS = ["It rains in the harbour.", "The red planet is Mars.", "A lazy dog sleeps. A fox jumps."]


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("light")
    bare = tiny.bert(top / "bare")
    return shapes.saved(bare, top / "made", routed.ROUTED["light queries"])


@pytest.fixture
def root(light: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    monkeypatch.setenv("QEMBED_DEVICE", "cpu")
    docs = tmp_path / "docs"
    docs.mkdir()
    for i, text in enumerate(TEXTS):
        (docs / f"{i}.txt").write_text(text, "utf-8")
    found = tmp_path / ".qembed"
    build(found, IndexOptions(paths=[str(docs)], recipe=RecipeOptions(model=str(light))))
    return found


def test_passages_take_one_route_and_queries_the_other(
    root: Path, light: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = theirs(light)
    with Snapshot.open(root) as snapshot:
        rows = np.arange(len(TEXTS))
        texts = [p.text for p in snapshot.passages(rows)]
        stored = snapshot.vectors(rows)
    documents = unit(own.encode_document(texts))
    np.testing.assert_allclose(stored, documents, **NEAR)
    roles = []
    init = TorchEncoder.__init__

    def noted(self: TorchEncoder, *args: Any, **more: Any) -> None:
        init(self, *args, **more)
        roles.append(args[-1])

    monkeypatch.setattr(TorchEncoder, "__init__", noted)
    query = Query("1", "which planet is red")
    with Session(root) as session:
        answer = Retriever(session, QueryOptions(k=3, mode="dense")).answer([query])
    assert roles == ["query"]
    expected = documents @ unit(own.encode_query([query.text]))[0]
    got = {h.passage.text: h.score for h in answer.results[0].hits}
    for text, cosine in zip(texts, expected, strict=True):
        assert got[text] == pytest.approx(cosine, abs=1e-5)


def test_what_compares_passages_takes_their_route(root: Path) -> None:
    assert list(verify(root)) == []
    with Session(root) as session:
        assert gate_causes._vectors(session) == []


def test_show_and_compare(light: Path, bert_like: Path) -> None:
    shown = show_model(str(light), None, "words")
    assert shown["modules"] == ["Transformer", "Pooling", "Dense", "Normalize"]
    assert shown["query_modules"] == ["StaticEmbedding", "Normalize"]
    assert (shown["max_tokens"], shown["problem"]) == (tiny.POSITIONS, None)
    assert [*model_lines({"query_modules": shown["query_modules"]})] == [
        "query_modules StaticEmbedding > Normalize"
    ]
    same = compare_models(str(light), str(light))
    assert same["agree"]
    assert len(same["cosines"]) == 2 * len(
        compare_models(str(bert_like), str(bert_like))["cosines"]
    )


@pytest.fixture
def bert_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    return tiny.bert(tmp_path / "plain")


def test_a_run_prepares_both_exports(light: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qembed.models import open_model
    from qembed.models.onnx import prepare

    asked = []

    def run(request: Any, out: Path, stop: Any) -> tuple[int, str]:
        asked.append(request.role)
        return 1, "the exporter was started"

    monkeypatch.setattr(prepare, "run_exporter", run)
    model = open_model(str(light), device="cpu")
    assert isinstance(model, FolderModel)
    assert "cannot be exported" in str(model.prepare(lambda _: None, lambda: False))
    assert asked == ["query", "document"]
