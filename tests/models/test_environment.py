"""Device, precision and revision as the user says them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.models import hub, open_model, open_reranker
from qembed.models.rerankers import spec
from qembed.models.torch_encoder import TorchEncoder, load_arguments
from tests.models import tiny

pytestmark = pytest.mark.slow


@pytest.fixture
def torch_only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    return monkeypatch


def test_a_cpu_is_given_float32_whatever_is_stored(bert: Path, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModel

    half = tiny.copy(bert, tmp_path / "half")
    AutoModel.from_pretrained(str(bert)).to(torch.bfloat16).save_pretrained(str(half))
    assert load_arguments("cpu")["model_kwargs"]["dtype"] is torch.float32
    assert load_arguments("cuda:0")["model_kwargs"]["dtype"] is torch.bfloat16
    model = open_model(str(half))
    encoder = TorchEncoder(half, model.dim, "mean", 64, model.count, "cpu")
    assert encoder._model[0].model.dtype is torch.float32


def test_precision_by_the_environment(bert: Path, torch_only: pytest.MonkeyPatch) -> None:
    import torch

    texts = ["a refund", "a parcel that never came"]
    plain = open_model(str(bert)).encoder().encode(texts)
    torch_only.setenv("QEMBED_DTYPE", "bfloat16")
    half = open_model(str(bert)).encoder()
    assert half._model[0].model.dtype is torch.bfloat16  # type: ignore[attr-defined]
    vectors = half.encode(texts)
    assert vectors.dtype == np.float32
    assert not np.array_equal(vectors, plain)
    assert np.allclose(vectors, plain, atol=0.05)


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("QEMBED_DTYPE", "int8", "float32, bfloat16 or float16 is wanted"),
        ("QEMBED_DEVICE", "abacus", "cpu, cuda or mps is wanted"),
        ("QEMBED_DEVICE", "cuda:", "cpu, cuda or mps is wanted"),
        ("QEMBED_RUNTIME", "onnx", "torch is the only value"),
    ],
)
def test_what_is_none_is_refused_also_where_an_export_would_serve(
    bert: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match=f"^{name}={value}: {wanted}$"):
        open_model(str(bert))
    with pytest.raises(UsageError, match=f"^{name}={value}"):
        open_reranker(str(bert), None)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["cpu", "cuda", "cuda:1", "mps", ""])
def test_what_is_a_device(bert: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("QEMBED_DEVICE", value)
    assert open_model(str(bert)).device == (value or None)


def test_a_device_by_the_environment(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QEMBED_DEVICE", "cpu")
    assert open_model(str(bert)).device == "cpu"


@pytest.mark.parametrize("value", ["cuda", "cuda:1", "mps"])
def test_a_device_that_is_not_there(
    bert: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setenv("QEMBED_DEVICE", value)
    with pytest.raises(ModelUnavailable, match=f"device {value}: torch finds none here"):
        open_model(str(bert)).encoder()


def test_a_hub_id_at_a_revision(bert: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str | None]] = []

    def fetched(name: str, revision: str | None = None, *_: object) -> Path:
        asked.append((name, revision))
        return bert

    monkeypatch.setattr(hub, "fetch", fetched)
    monkeypatch.setattr(spec, "_open_folder", lambda *_: None)
    assert open_model("org/name@0a1b2c").name == "org/name"
    model = open_model("org/name")
    open_reranker("org/other@v2", model)
    assert asked == [("org/name", "0a1b2c"), ("org/name", None), ("org/other", "v2")]
