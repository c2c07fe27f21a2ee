"""Vectors equal to sentence-transformers' own for every shape of model that it saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import ModelUnavailable
from qembed.models import open_model, passage_text, query_text, resolve_task
from qembed.models.layout.limits import UNLIMITED
from tests.models import shapes, tiny
from tests.models.reference import unit
from tests.models.shapes import NEAR, SPOKEN, theirs
from tests.models.tiny import CONFIG, POSITIONS, TEXTS, WIDTH


@pytest.mark.parametrize("name", shapes.SHAPES)
def test_equals_sentence_transformers(bert: Path, tmp_path: Path, name: str) -> None:
    folder = shapes.saved(bert, tmp_path / "made", shapes.SHAPES[name])
    expected = unit(theirs(folder).encode(SPOKEN))
    model = open_model(str(folder), device="cpu")
    encoder = model.encoder()
    got = encoder.encode(SPOKEN)
    assert got.shape == (len(SPOKEN), model.dim) == expected.shape
    np.testing.assert_allclose(got, expected, **NEAR)
    alone = np.concatenate([encoder.encode([text]) for text in SPOKEN])
    np.testing.assert_allclose(alone, expected, **NEAR)


def test_old_layout(bert: Path, tmp_path: Path) -> None:
    new = shapes.saved(bert, tmp_path / "new", shapes.SHAPES["dense"])
    folder = shapes.old_layout(new, tmp_path / "old")
    tiny.change(folder / "0_Transformer", "sentence_bert_config.json", max_seq_length=20)
    assert not (folder / "config.json").exists()
    model = open_model(str(folder), device="cpu")
    assert (model.max_tokens, model.dim) == (20, 24)
    np.testing.assert_allclose(
        model.encoder().encode(TEXTS), unit(theirs(folder).encode(TEXTS)), **NEAR
    )


def test_revision_covers_modules_in_subfolders(bert: Path, tmp_path: Path) -> None:
    new = shapes.saved(bert, tmp_path / "new", shapes.SHAPES["layer norm"])
    folder = shapes.old_layout(new, tmp_path / "old")
    before = open_model(str(folder)).revision
    tiny.change(folder / "0_Transformer", "config.json", layer_norm_eps=1e-3)
    changed = open_model(str(folder)).revision
    assert changed != before
    from safetensors.numpy import load_file, save_file

    path = folder / "2_LayerNorm" / "model.safetensors"
    save_file({k: v + 1 for k, v in load_file(path).items()}, path)
    assert open_model(str(folder)).revision != changed


def test_truncate_dim_of_the_folder(bert: Path, tmp_path: Path) -> None:
    folder = shapes.saved(bert, tmp_path / "cut", shapes.SHAPES["cls+mean"], truncate_dim=20)
    model = open_model(str(folder), device="cpu")
    assert model.dim == 20
    np.testing.assert_allclose(
        model.encoder().encode(TEXTS), unit(theirs(folder).encode(TEXTS)), **NEAR
    )


@pytest.mark.parametrize("modes", ["mean", "cls", "max", "weightedmean", "lasttoken"])
def test_prompt_tokens_are_left_out(bert: Path, tmp_path: Path, modes: str) -> None:
    prompts = {"query": "A query asks: ", "document": "relevant passages: "}
    folder = shapes.saved(
        bert,
        tmp_path / "left-out",
        lambda b: [shapes.transformer(b), shapes.pooling(modes, include_prompt=False)],
        prompts=prompts,
    )
    model = open_model(str(folder), device="cpu")
    profile, own = model.profile, theirs(folder)
    queries = [query_text(profile.query, t, resolve_task(None, profile)) for t in SPOKEN]
    passages = [passage_text(profile.passage, "title text", "", t) for t in SPOKEN]
    got = model.encoder().encode([*queries, *passages, *SPOKEN])
    expected = [own.encode_query(SPOKEN), own.encode_document(SPOKEN), own.encode(SPOKEN)]
    np.testing.assert_allclose(got, unit(np.concatenate(expected)), **NEAR)
    with_prompt = unit(own.encode(queries, prompt=""))
    if modes != "lasttoken":
        assert not np.allclose(got[: len(queries)], with_prompt, atol=1e-4)


def test_static_embeddings_have_no_limit_and_no_special_tokens(bert: Path, tmp_path: Path) -> None:
    folder = shapes.saved(bert, tmp_path / "static", shapes.SHAPES["static"])
    model = open_model(str(folder), device="cpu")
    assert (model.max_tokens, model.pooling, model.dim) == (UNLIMITED, "mean", 32)
    assert model.count(["fox", "it rains"]) == [
        len(model.tokenizer().encode(t, add_special_tokens=False).ids) for t in ("fox", "it rains")
    ]
    rows = model.token_encoder().encode_tokens(["it rains"])[0]
    assert rows.shape == (model.count(["it rains"])[0], 32)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, **NEAR)


def test_static_embeddings_keep_the_truncation_of_their_tokenizer(
    bert: Path, tmp_path: Path
) -> None:
    """sentence-transformers says that there is no limit, and cuts as tokenizer.json says."""
    folder = shapes.saved(bert, tmp_path / "static", shapes.SHAPES["static"])
    cut = {"direction": "Right", "max_length": 12, "strategy": "LongestFirst", "stride": 0}
    tiny.change(folder, "tokenizer.json", truncation=cut)
    model = open_model(str(folder), device="cpu")
    assert model.max_tokens == 12
    expected = unit(theirs(folder).encode(SPOKEN))
    np.testing.assert_allclose(model.encoder().encode(SPOKEN), expected, **NEAR)


@pytest.mark.parametrize("kind", ["WordEmbeddings", "LSTM", "CNN", "BoW", "Unheard"])
def test_modules_that_are_not_run_are_refused(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    module = {"idx": 0, "name": "0", "path": f"0_{kind}", "type": CONFIG + kind}
    (folder / "modules.json").write_text(json.dumps([module]))
    with pytest.raises(ModelUnavailable, match=f"its module {kind} is not supported: "):
        open_model(str(folder))


def test_folders_that_need_something_else_are_refused(bert: Path, tmp_path: Path) -> None:
    def refused(message: str, **files: dict[str, Any]) -> None:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        tiny.copy(bert, folder)
        for name, body in files.items():
            tiny.change(folder, f"{name}.json", **body)
        with pytest.raises(ModelUnavailable, match=message):
            open_model(str(folder))

    refused("an adapter of org/base", adapter_config={"base_model_name_or_path": "org/base"})
    quantised = {"quantization_config": {"quant_method": "gptq", "bits": 4}}
    refused("quantised by gptq, which needs the package gptqmodel", config=quantised)
    code = {"auto_map": {"AutoModel": "modeling_odd.Odd"}, "model_type": "odd-kind"}
    refused(r"needs code that comes with the model \(modeling_odd\.Odd\)", config=code)
    sparse = {"model_type": "SparseEncoder"}
    refused("a SparseEncoder, which gives sparse vectors", config_sentence_transformers=sparse)


def test_dense_without_safe_weights_or_with_code_is_refused(bert: Path, tmp_path: Path) -> None:
    folder = shapes.saved(bert, tmp_path / "dense", shapes.SHAPES["dense"])
    inside = folder / "2_Dense"
    tiny.change(inside, "config.json", activation_function="odd.Gate")
    with pytest.raises(ModelUnavailable, match=r"activation odd\.Gate, which is code"):
        open_model(str(folder))
    tiny.change(inside, "config.json", activation_function="torch.nn.modules.activation.Tanh")
    (inside / "model.safetensors").rename(inside / "pytorch_model.bin")
    with pytest.raises(
        ModelUnavailable, match="its module Dense has no weights in safetensors form"
    ):
        open_model(str(folder))


@pytest.mark.slow
def test_positions_after_the_padding_token(tmp_path: Path) -> None:
    """RoBERTa's 64 positions hold 63 tokens here: the first has the padding token's id plus one."""
    import torch
    from transformers import RobertaConfig, RobertaModel

    folder = tmp_path / "roberta"
    size = tiny.wordpiece(folder)
    tiny.change(folder, "tokenizer_config.json", model_max_length=10**30)
    torch.manual_seed(8)
    config = RobertaConfig(
        vocab_size=size,
        hidden_size=WIDTH,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        max_position_embeddings=POSITIONS,
        pad_token_id=0,
    )
    RobertaModel(config).save_pretrained(folder)
    model = open_model(str(folder), device="cpu")
    assert model.max_tokens == POSITIONS - 1
    assert model.encoder().encode(["it rains " * 90]).shape == (1, WIDTH)
