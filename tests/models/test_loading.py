"""What a folder may hold and do when its weights are loaded: dtypes, damage, code of its own."""

from __future__ import annotations

import builtins
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable
from qembed.models import open_model
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from tests.models import reference, tiny
from tests.models.tiny import POSITIONS, TEXTS, WIDTH

pytestmark = pytest.mark.slow


def encode(folder: Path, texts: list[str]) -> np.ndarray:
    return open_model(str(folder), device="cpu").encoder().encode(texts)


def test_half_precision_runs_in_float32_on_a_cpu(qwen: dict[str, Path], tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel

    folder = tiny.copy(qwen["left"], tmp_path / "Qwen3-Embedding-0.6B")
    AutoModel.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder)
    assert '"dtype": "bfloat16"' in (folder / "config.json").read_text()
    model = open_model(str(folder), device="cpu")
    loaded = model._load()._model  # type: ignore[union-attr]
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    expected = reference.vectors(folder, TEXTS, "lasttoken", POSITIONS)
    np.testing.assert_allclose(model.encoder().encode(TEXTS), expected, rtol=0, atol=1e-5)


def test_nan_names_its_text(bert: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny.copy(bert, tmp_path / "nan")
    poison = reference.token_ids(bert, "poison", POSITIONS)
    assert len(poison) == 3  # [CLS] poison [SEP]
    weights = load_file(folder / "model.safetensors")
    weights["embeddings.word_embeddings.weight"][poison[1]] = np.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    model = open_model(str(folder), device="cpu")
    texts = ["fox", "the poison is here", "a longer text about the quick brown fox and the dog"]
    assert np.isfinite(model.encoder().encode(texts[::2])).all()
    with pytest.raises(EncodingError, match="the poison is here"):
        model.encoder().encode(texts)
    with pytest.raises(EncodingError, match="the poison is here"):
        model.token_encoder().encode_tokens(texts)


def test_a_limit_beyond_its_positions_is_not_believed(bert: Path, tmp_path: Path) -> None:
    folder = tiny.with_modules(tiny.copy(bert, tmp_path / "long"), "mean_tokens")
    tiny.change(folder, "sentence_bert_config.json", max_seq_length=POSITIONS * 8)
    assert open_model(str(folder)).max_tokens == POSITIONS
    expected = reference.vectors(bert, TEXTS, "mean", POSITIONS)
    np.testing.assert_allclose(encode(folder, TEXTS), expected, rtol=0, atol=1e-5)


def test_a_folders_own_limit_truncates(bert: Path, tmp_path: Path) -> None:
    folder = tiny.with_modules(tiny.copy(bert, tmp_path / "short"), "mean_tokens")
    tiny.change(folder, "sentence_bert_config.json", max_seq_length=12, do_lower_case=False)
    assert open_model(str(folder)).max_tokens == 12
    expected = reference.vectors(bert, TEXTS, "mean", 12)
    np.testing.assert_allclose(encode(folder, TEXTS), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("length", [0, 5000])
def test_truncated_weights(bert: Path, tmp_path: Path, length: int) -> None:
    folder = tiny.copy(bert, tmp_path / "cut")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    with pytest.raises(ModelUnavailable, match="cut cannot be loaded"):
        encode(folder, ["fox"])


def test_weights_of_another_shape(bert: Path, tmp_path: Path) -> None:
    folder = tiny.change(tiny.copy(bert, tmp_path / "shape"), "config.json", hidden_size=WIDTH * 2)
    with pytest.raises(ModelUnavailable, match="shape cannot be loaded"):
        encode(folder, ["fox"])


def test_an_architecture_nobody_knows(bert: Path, tmp_path: Path) -> None:
    folder = tiny.change(tiny.copy(bert, tmp_path / "new"), "config.json", model_type="tomorrow")
    with pytest.raises(ModelUnavailable, match="new cannot be loaded"):
        encode(folder, ["fox"])


SPY = """
import builtins
builtins.spy_ran = True
from transformers import BertConfig as SpyConfig, BertModel as SpyModel
from sentence_transformers.sentence_transformer.modules import Transformer as SpyModule
"""


@pytest.mark.parametrize("layout", ["bare", "modules"])
def test_the_folders_code_is_not_run(bert: Path, tmp_path: Path, layout: str) -> None:
    folder = tiny.copy(bert, tmp_path / "spy")
    if layout == "modules":
        tiny.with_modules(folder, "mean_tokens")
    (folder / "spy.py").write_text(SPY)
    named = {"AutoConfig": "spy.SpyConfig", "AutoModel": "spy.SpyModel"}
    tiny.change(folder, "config.json", auto_map=named)
    expected = reference.vectors(bert, ["fox"], "mean", POSITIONS)
    np.testing.assert_allclose(encode(folder, ["fox"]), expected, rtol=0, atol=1e-5)
    tiny.change(folder, "config.json", model_type="spy")
    refused = r"spy: needs code .* \(spy\.SpyModel\), which is not run"
    with pytest.raises(ModelUnavailable, match=refused):
        encode(folder, ["fox"])
    with pytest.raises(ModelUnavailable, match=refused):
        CrossEncoderReranker(folder, "cpu")
    assert not hasattr(builtins, "spy_ran")


def test_modules_of_its_own_are_refused(bert: Path, tmp_path: Path) -> None:
    folder = tiny.with_modules(tiny.copy(bert, tmp_path / "spy"), "mean_tokens")
    (folder / "spy.py").write_text(SPY)
    listed = folder / "modules.json"
    listed.write_text(listed.read_text().replace(f"{tiny.CONFIG}Transformer", "spy.SpyModule"))
    with pytest.raises(ModelUnavailable, match=r"spy\.SpyModule is code that comes with the model"):
        open_model(str(folder))
    assert not hasattr(builtins, "spy_ran")
