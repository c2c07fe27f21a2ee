"""Qwen3-Reranker's export in use: by `models prepare`, without torch, and what is said where it lacks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from qembed.cli.app import app
from qembed.models import open_model, open_reranker, prepare_spec
from qembed.models.folder_model import FolderModel
from qembed.models.onnx.cache import Export
from qembed.models.onnx.prepare import qwen_reranker
from qembed.models.onnx.qwen_reranker import OnnxQwenReranker
from qembed.models.onnx_export import export as onnx_export
from qembed.models.onnx_export import parity
from qembed.models.qwen_prompt import QwenPrompts
from qembed.models.rerankers.qwen import QwenReranker
from tests.models import reference, tiny
from tests.models.exports import make

pytestmark = pytest.mark.slow

PAIRS = [("which planet is red", "Mars is the red planet."), ("which planet is red", "fox")]
LINES = [{"query_id": "1", "query": q, "text": p, "document": p[:4]} for q, p in PAIRS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    return tiny.qwen_reranker(tmp_path_factory.mktemp("judge") / "Qwen3-Reranker-0.6B")


@pytest.fixture(scope="module")
def export(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Export:
    return make(qwen_reranker(folder, str(folder), "cpu"), tmp_path_factory.mktemp("e") / "export")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def kept(folder: Path, export: Export, cache: Path) -> Path:
    """The folder, with its export in the cache."""
    shutil.copytree(export.folder, qwen_reranker(folder, str(folder), "cpu").slot().folder)
    return folder


RERANK = """
import io, json, sys
sys.argv = ["qembed", "rerank", "--model", {folder!r}, "--no-server", "--explain"]
sys.stdin = io.TextIOWrapper(io.BytesIO({lines!r}))
from qembed.__main__ import main
try:
    main()
finally:
    print(sorted({{"torch", "transformers", "sentence_transformers"}} & sys.modules.keys()))
"""


def test_rerank_imports_no_torch(kept: Path, python: Callable[[str], str]) -> None:
    lines = "".join(json.dumps(line) + "\n" for line in LINES).encode()
    *hits, imported = python(RERANK.format(folder=str(kept), lines=lines)).splitlines()
    assert imported == "[]"
    odds = reference.log_odds(kept, PAIRS, tiny.LONG)
    found = {h["document"]: h["scores"]["rerank"] for h in map(json.loads, hits)}
    expected = {h["document"]: 1 / (1 + np.exp(-o)) for h, o in zip(LINES, odds, strict=True)}
    assert found == pytest.approx(expected, abs=1e-5)
    assert list(found) == sorted(expected, key=lambda d: -expected[d])


def rerank(folder: Path) -> str:
    """What `qembed rerank` says on stderr."""
    given = "".join(json.dumps(line) + "\n" for line in LINES)
    command = ["rerank", "--model", str(folder), "--no-server"]
    done = CliRunner().invoke(app, command, input=given)
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(LINES)
    return str(done.stderr)


def test_without_an_export_it_says_how_to_get_one(folder: Path, cache: Path) -> None:
    prepare = f"qembed models prepare {folder}"
    assert rerank(folder) == (
        f"qembed: {folder.name} is loaded by torch, which takes seconds ({prepare} mends it)\n"
    )


def test_a_damaged_export_ends_on_torch(kept: Path) -> None:
    place = qwen_reranker(kept, str(kept), "cpu").slot()
    (place.folder / "model.onnx").write_bytes(b"no graph")
    assert "model.onnx was altered: torch is used" in rerank(kept)


def test_prepare_knows_a_reranker(
    kept: Path, tmp_path: Path, no_exporter: list[str], cache: Path
) -> None:
    place = qwen_reranker(kept, str(kept), "cpu").slot()
    assert prepare_spec(str(kept), pytest.fail) == (True, f"{kept.name} is ready: {place.folder}")
    # an embedding model whose config.json names the same architecture is no reranker
    other = tiny.copy(kept, tmp_path / "Qwen3-Embedding-0.6B")
    said: list[str] = []
    ready, _ = prepare_spec(str(other), said.append)
    assert (ready, no_exporter) == (False, ["Qwen3-Embedding-0.6B"])
    model = open_model(str(other))
    assert isinstance(model, FolderModel)
    assert model.export_request().slot().failure() == "the exporter was started"


def test_what_cannot_be_exported_stays_on_torch(
    folder: Path, cache: Path, no_exporter: list[str]
) -> None:
    ready, reason = prepare_spec(str(folder), lambda _: None)
    wanted = f"{folder.name} cannot be exported and stays on torch: the exporter was started"
    assert (ready, reason) == (False, wanted)
    reranker = open_reranker(str(folder), open_model("minilm"), device="cpu")
    assert isinstance(reranker, QwenReranker)
    assert reranker.note == wanted
    expected = reference.log_odds(folder, PAIRS, tiny.LONG)
    np.testing.assert_allclose(reranker.logits(PAIRS), expected, atol=1e-5)


def test_a_graph_that_disagrees_is_refused(
    folder: Path, export: Export, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The graph of another model, whose embedding of one word differs."""
    from safetensors.numpy import load_file, save_file

    other = tiny.copy(folder, tmp_path / "Qwen3-Reranker-0.6B")
    weights = load_file(other / "model.safetensors")
    weights["model.embed_tokens.weight"][
        reference.language_model(folder)[0]("fox")["input_ids"][0]
    ] *= 2
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})

    def graph(wrapped: object, inputs: object, outputs: object, out: Path, **_: object) -> None:
        for name in ("model.onnx", "weights.bin"):
            shutil.copy(export.folder / name, out / name)

    monkeypatch.setattr(onnx_export, "write_graph", graph)
    make(qwen_reranker(folder, str(folder), "cpu"), tmp_path / "same")
    with pytest.raises(parity.ParityError, match="other scores than torch"):
        make(qwen_reranker(other, str(other), "cpu"), tmp_path / "other")


def test_progress_and_no_pairs(folder: Path, export: Export) -> None:
    judge, seen = OnnxQwenReranker(export), []
    prompts = QwenPrompts(judge.tokenizer, tiny.LONG, "judge").ids(PAIRS * 30, ["a task"] * 60)
    assert judge.logits(prompts, seen.append).shape == (60,)
    assert sum(seen) == 60
    assert len(seen) > 1
    assert judge.logits([]).shape == (0,)
