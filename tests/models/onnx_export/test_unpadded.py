"""Encoders without padding: torch's numbers for every architecture that is listed, and none for others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import EncodingError
from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.onnx.session import ROWS, WORDS
from qembed.models.onnx.word_table import WORD_TABLE
from qembed.models.onnx_export import graph
from qembed.models.onnx_export.unpadded import (
    ARCHITECTURES,
    UnsupportedArchitecture,
    without_padding,
)
from tests.models import reference, tiny
from tests.models.exports import MIXED, make, model_in

pytestmark = pytest.mark.slow


def sentences(folder: Path) -> Any:
    """The folder as a SentenceTransformer with the mean of its states."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    text = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    first = Transformer(str(folder), modality_config=text, module_output_name="token_embeddings")
    made = SentenceTransformer(modules=[first, Pooling(tiny.WIDTH), Normalize()], device="cpu")
    made.max_seq_length = 256
    return made.eval()


def features(model: Any) -> tuple[Any, Any, Any]:
    """Ids, mask and rows of MIXED as one batch."""
    found = model.preprocess(MIXED)
    mask = found["attention_mask"]
    assert 0 < int(mask.sum()) < mask.numel(), "nothing is padded"
    return found["input_ids"], mask, mask.flatten().nonzero()[:, 0]


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_torchs_numbers_without_padding(kind: str, tmp_path: Path, quietly: None) -> None:
    import torch

    grouped = {"num_key_value_heads": 2} if kind in ("qwen2", "qwen3", "llama", "mistral") else {}
    if kind == "mistral":
        grouped["sliding_window"] = None
    model = sentences(tiny.bare(tmp_path / "model", kind, **grouped))
    ids, mask, rows = features(model)
    with torch.inference_mode():
        wanted = model({"input_ids": ids, "attention_mask": mask})
        with without_padding(model, split=False) as module:
            vectors, states = module(ids, mask, rows)
        table = model[0].model.get_input_embeddings()
        with without_padding(model, split=True) as module:
            by_rows = module(table(ids.flatten()[rows]), mask, rows)
        after = model({"input_ids": ids, "attention_mask": mask})
    np.testing.assert_allclose(vectors, wanted["sentence_embedding"], atol=1e-5)
    kept = mask.bool()
    np.testing.assert_allclose(states[kept], wanted["token_embeddings"][kept], atol=1e-3)
    for ours, by_row in zip((vectors, states), by_rows, strict=True):
        np.testing.assert_array_equal(by_row, ours)
    np.testing.assert_array_equal(after["sentence_embedding"], wanted["sentence_embedding"])


@pytest.fixture(scope="module")
def windowed(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    """A model in which a token sees four others."""
    top = tmp_path_factory.mktemp("windowed")
    folder = tiny.bare(top / "windowed", "mistral", num_key_value_heads=2, sliding_window=4)
    return tiny.with_modules(folder, "pooling_mode_mean_tokens")


def test_an_attention_that_wants_more_is_refused(windowed: Path) -> None:
    model = sentences(windowed)
    with (
        without_padding(model, split=False) as module,
        pytest.raises(UnsupportedArchitecture, match="wants sliding_window"),
    ):
        module(*features(model))


def test_an_architecture_that_is_not_listed_is_refused(tmp_path: Path, quietly: None) -> None:
    model = sentences(tiny.bare(tmp_path / "model", "mpnet"))
    with pytest.raises(UnsupportedArchitecture, match="mpnet"), without_padding(model, False):
        pass


def test_what_cannot_be_packed_is_exported_with_padding(windowed: Path, tmp_path: Path) -> None:
    model = model_in(windowed)
    export = make(model.export_request(), tmp_path / "export")
    assert export.facts["inputs"] == ["input_ids", "attention_mask"]
    ours = OnnxEncoder(export, model.dim, model.max_tokens)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_RUNTIME", "torch")
        theirs = model_in(windowed).encoder()
    np.testing.assert_allclose(ours.encode(MIXED), theirs.encode(MIXED), atol=1e-5)


def test_a_large_table_stays_outside(
    families: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graph, "LARGE_TABLE", 1000)
    model = model_in(families["cls-right"])
    export = make(model.export_request(), tmp_path / "export")
    assert export.facts["inputs"] == [WORDS, "attention_mask", ROWS]
    assert export.facts["table"] == tiny.WIDTH
    assert (export.folder / WORD_TABLE).stat().st_size % (4 * tiny.WIDTH) == 0
    ours = OnnxEncoder(export, model.dim, model.max_tokens)
    expected = reference.vectors(model.folder.path, MIXED, model.pooling, model.max_tokens)
    np.testing.assert_allclose(ours.encode(MIXED), expected, atol=1e-5)


def test_exports_are_packed_where_they_can_be(exports: Any) -> None:
    assert all(export.facts["inputs"][-1] == ROWS for _, export in exports.values())


def test_a_text_without_any_token_is_named(exports: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone and beside others, which tokenizers with no special tokens of their own do."""
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    real = encoder._ids
    monkeypatch.setattr(
        encoder,
        "_ids",
        lambda texts: [
            i[:0] if t == "nothing" else i for t, i in zip(texts, real(texts), strict=True)
        ],
    )
    for texts in (["nothing"], ["fox", "nothing", "the lazy dog"]):
        with pytest.raises(EncodingError, match="nothing"):
            encoder.encode(texts)
