"""CLIP and SigLIP: sentence-transformers' vectors of texts and pictures, by torch and by exports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.models import open_model
from qembed.models.environment import RUNTIME
from qembed.models.model import Model
from tests.models.exports import make, model_in, never
from tests.models.images.tiny_pictures import pictures

pytestmark = pytest.mark.slow

LAYOUTS = ["clip", "siglip", "clip-saved", "siglip-saved", "siglip-python", "clip-before"]
TEXTS = ["the red car", "", "a", "https://example.org/a.png", "car " * 60, "The  RED  house\n"]


def reference(folder: Path, kind: str) -> Any:
    """Unit vectors by sentence-transformers alone, each text and each picture by itself."""
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")
    options: Any = {}
    if kind.startswith("siglip"):  # as its authors say; else a text's vector depends on its batch
        options = {"processing_kwargs": {"text": {"padding": "max_length"}}}
    given = [{"text": t} for t in TEXTS]
    texts = [model.encode([t], normalize_embeddings=True, **options)[0] for t in given]
    images = [model.encode([p], normalize_embeddings=True)[0] for p in pictures()]
    return np.stack(texts), np.stack(images)


def check(model: Model, theirs: Any) -> None:
    """Compare all vectors with the reference's, one by one and in one batch."""
    texts, images = model.encoder(), model.image_encoder()
    for ours, want in (
        (texts.encode(TEXTS), theirs[0]),
        (np.concatenate([texts.encode([t]) for t in TEXTS]), theirs[0]),
        (images.encode_images(pictures()), theirs[1]),
        (np.concatenate([images.encode_images([p]) for p in pictures()]), theirs[1]),
    ):
        assert ours.shape == want.shape
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, want, atol=2e-5)


@pytest.mark.parametrize("kind", LAYOUTS)
def test_torch_gives_sentence_transformers_vectors(
    folders: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(RUNTIME, "torch")
    theirs = reference(folders[kind], kind)
    model = open_model(str(folders[kind]))
    assert model.supports("image")
    assert model.dim == theirs[0].shape[1]
    assert model.max_tokens == 16
    check(model, theirs)


@pytest.mark.parametrize("kind", ["clip-before", "siglip-python"])
def test_exports_give_sentence_transformers_vectors(
    folders: dict[str, Path], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from qembed.models.onnx.encoder import OnnxEncoder

    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path))
    model = model_in(folders[kind])
    for wanted in (model.export_request(), model.image_request()):
        make(wanted, wanted.slot().folder)
    assert model.prepare(pytest.fail, never) is None  # both are there
    assert isinstance(model.encoder(), OnnxEncoder)
    check(model, reference(folders[kind], kind))
    assert model._torch is None  # neither texts nor pictures went through torch
    with pytest.raises(UsageError, match="no vectors of tokens"):
        model.token_encoder()


def test_pieces_of_a_tokenizer_that_is_python_code(folders: dict[str, Path]) -> None:
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(str(folders["siglip-python"]))
    assert not hasattr(theirs, "backend_tokenizer")
    ours = model_in(folders["siglip-python"]).tokenizer()
    texts = [
        *TEXTS,
        "The, RED! car's (house)",
        "ﬁrst ﬂat Ａ１ …",
        "火星 red\u00a0car",
        "a_b-c.d  e",
    ]
    for text in texts:
        assert ours.encode(text).ids == theirs(text)["input_ids"], text
