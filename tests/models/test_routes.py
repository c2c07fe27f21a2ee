"""Models that encode queries and documents by different modules: Router, before version 5 Asym."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import open_model
from qembed.models.folder_model import FolderModel
from qembed.models.hub import missing
from qembed.models.layout.limits import UNLIMITED
from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.rerankers.late_interaction import late_interaction
from tests.models import routed, shapes, tiny
from tests.models.exports import make, model_in
from tests.models.reference import unit
from tests.models.routed import ROUTED, STATIC_WIDTH
from tests.models.shapes import NEAR, SPOKEN, theirs

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def light(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Queries by a table, documents by a transformer."""
    return shapes.saved(bert, tmp_path_factory.mktemp("light") / "made", ROUTED["light queries"])


@pytest.mark.parametrize("name", ROUTED)
def test_equals_sentence_transformers(bert: Path, tmp_path: Path, name: str) -> None:
    folder = shapes.saved(bert, tmp_path / "made", ROUTED[name])
    model, own = open_model(str(folder), device="cpu"), theirs(folder)
    expected = unit(own.encode_query(SPOKEN)), unit(own.encode_document(SPOKEN))
    assert not np.allclose(*expected, atol=1e-3)
    for side, wanted in zip((model.queries, model), expected, strict=True):
        np.testing.assert_allclose(side.encoder().encode(SPOKEN), wanted, **NEAR)
        assert side.dim == wanted.shape[1]
    assert model.queries.revision == model.revision


@pytest.mark.parametrize("name", ["light queries", "two denses"])
def test_exports_equal_sentence_transformers(bert: Path, tmp_path: Path, name: str) -> None:
    folder = shapes.saved(bert, tmp_path / "made", ROUTED[name])
    model, own = model_in(folder), theirs(folder)
    for side, wanted in ((model.queries, own.encode_query), (model, own.encode_document)):
        request = side.export_request()
        export = make(request, tmp_path / str(request.role))
        encoder = OnnxEncoder(export, side.dim, side.max_tokens)
        np.testing.assert_allclose(encoder.encode(SPOKEN), unit(wanted(SPOKEN)), **NEAR)
        assert encoder.count(SPOKEN) == side.count(SPOKEN)
    assert model.export_request().slot() != model.queries.export_request().slot()


@pytest.mark.parametrize(
    ("query", "document"), [("query", "doc"), ("Question", "Passage"), ("query", "document")]
)
def test_asym_of_older_versions(bert: Path, tmp_path: Path, query: str, document: str) -> None:
    folder = shapes.saved(bert, tmp_path / "made", ROUTED["two denses"])
    routed.as_asym(folder, "2_Router", {"query": query, "document": document})
    model, own = open_model(str(folder), device="cpu"), theirs(folder)
    for side, route in ((model.queries, query), (model, document)):
        wanted = unit(own.encode(SPOKEN, task=route))
        np.testing.assert_allclose(side.encoder().encode(SPOKEN), wanted, **NEAR)


@pytest.mark.parametrize("default", ["one", "two", None])
def test_routes_of_other_names_use_the_default(
    bert: Path, tmp_path: Path, default: str | None
) -> None:
    """As `encode` does: the named default, else the first."""

    def modules(bare: Path) -> list[Any]:
        routes = {"one": [routed.dense(24, 5)], "two": [routed.dense(24, 6)]}
        return [
            shapes.transformer(bare),
            shapes.pooling(),
            routed.router(routes, default_route=default),
        ]

    folder = shapes.saved(bert, tmp_path / "made", modules)
    model = open_model(str(folder), device="cpu")
    assert model.queries is model
    expected = unit(theirs(folder).encode(SPOKEN))
    np.testing.assert_allclose(model.encoder().encode(SPOKEN), expected, **NEAR)


def test_each_side_has_its_own_tokens_and_limits(light: Path) -> None:
    model = open_model(str(light), device="cpu")
    assert (model.max_tokens, model.queries.max_tokens) == (tiny.POSITIONS, UNLIMITED)
    assert model.count(["fox"])[0] == model.queries.count(["fox"])[0] + 2
    assert (model.pooling, model.queries.pooling) == ("cls", "mean")


def test_queries_load_their_own_modules_only(light: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers.sentence_transformer.modules import Transformer

    def refuse(*args: Any, **more: Any) -> None:
        raise AssertionError("a document's module")

    monkeypatch.setattr(Transformer, "load", refuse)
    model = open_model(str(light), device="cpu")
    assert model.queries.encoder().encode(["fox"]).shape == (1, STATIC_WIDTH)
    with pytest.raises(AssertionError, match="a document's module"):
        model.encoder()


def test_prompts_of_both_sides(bert: Path, tmp_path: Path) -> None:
    from qembed.models import passage_text, query_text

    prompts = {"query": "A query asks: ", "document": "relevant passages: "}
    folder = shapes.saved(bert, tmp_path / "made", ROUTED["light queries"], prompts=prompts)
    model, own = open_model(str(folder), device="cpu"), theirs(folder)
    queries = [query_text(model.profile.query, t, "") for t in SPOKEN]
    passages = [passage_text(model.profile.passage, "title text", "", t) for t in SPOKEN]
    for side, texts, wanted in (
        (model.queries, queries, own.encode_query),
        (model, passages, own.encode_document),
    ):
        np.testing.assert_allclose(side.encoder().encode(texts), unit(wanted(SPOKEN)), **NEAR)


def test_release_drops_both_sides(light: Path) -> None:
    model = open_model(str(light), device="cpu")
    assert isinstance(model, FolderModel)
    model.encoder(), model.queries.encoder()
    model.release()
    assert model._torch is None
    assert model.queries._torch is None


def test_revision_covers_every_route(light: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    def revision(part: str, change: Any) -> str:
        folder = tiny.copy(light, tmp_path / (part.replace("/", "-") or "same"))
        if part:
            change(folder / part)
        return open_model(str(folder)).revision

    def shift(path: Path) -> None:
        save_file({k: v + 1 for k, v in load_file(path).items()}, path)

    def other_default(path: Path) -> None:
        body = json.loads(path.read_text("utf-8"))
        body["parameters"]["default_route"] = "query"
        path.write_text(json.dumps(body), "utf-8")

    found = {
        revision("", None),
        revision("query_0_StaticEmbedding/model.safetensors", shift),
        revision("document_0_Transformer/model.safetensors", shift),
        revision("document_2_Dense/model.safetensors", shift),
        revision("router_config.json", other_default),
    }
    assert len(found) == 5


def test_late_interaction_uses_both_sides(bert: Path, light: Path, tmp_path: Path) -> None:
    folder = shapes.saved(bert, tmp_path / "made", ROUTED["shared transformer"])
    model = open_model(str(folder), device="cpu")
    queries, passages = SPOKEN[:2], SPOKEN[2:]
    pairs = [(q, p) for q in queries for p in passages]
    states = model.queries.token_encoder().encode_tokens(queries)
    others = model.token_encoder().encode_tokens(passages)
    expected = [(q @ p.T).max(axis=1).mean() for q in states for p in others]
    np.testing.assert_allclose(late_interaction(model).score(pairs), expected, **NEAR)
    apart = late_interaction(open_model(str(light), device="cpu"))
    with pytest.raises(UsageError, match="tokens have 32 numbers in a query and 48 in a passage"):
        apart.score(pairs)


def _changed(folder: Path, to: Path, **body: Any) -> Path:
    tiny.copy(folder, to)
    tiny.change(to, "router_config.json", **body)
    return to


def test_routers_that_cannot_be_used_are_refused(light: Path, tmp_path: Path) -> None:
    config = json.loads((light / "router_config.json").read_text("utf-8"))
    types, structure = config["types"], config["structure"]
    query, document = structure["query"], structure["document"]
    one, *_ = query

    def refused(message: str, **body: Any) -> None:
        folder = _changed(light, tmp_path / str(len(list(tmp_path.iterdir()))), **body)
        with pytest.raises(ModelUnavailable, match=message):
            open_model(str(folder))

    refused(
        r"none of its routes \(query, other\) is for a document",
        structure={"query": query, "other": document},
        parameters={},
    )
    refused("is code that comes with the model", types={**types, one: "odd.Module"})
    refused(
        "module Router is not supported: it is inside another router",
        types={**types, one: "sentence_transformers.models.Router"},
    )
    refused(
        "lies outside the model's folder",
        structure={"query": ["../x"], "document": document},
        types={**types, "../x": types[one]},
    )
    refused("routes with types and structure are wanted", structure={"query": ["gone"]})
    refused("a route without modules", structure={"query": [], "document": document})
    refused("no route 'third'", parameters={"default_route": "third"})
    refused(
        "documents have 48 dimensions, those of queries 32",
        structure={"query": query, "document": document[:2]},
    )
    (tmp_path / "0" / "router_config.json").unlink()
    assert missing(tmp_path / "0") == "router_config.json"


def test_a_snapshot_without_one_route_is_not_whole(light: Path, tmp_path: Path) -> None:
    folder = tiny.copy(light, tmp_path / "part")
    assert missing(folder) is None
    (folder / "query_0_StaticEmbedding" / "model.safetensors").unlink()
    assert missing(folder) == "its weights (*.safetensors)"
