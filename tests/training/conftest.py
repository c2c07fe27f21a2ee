"""Two tiny models of one structure, and caches of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.models import tiny


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        yield folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> tuple[Path, Path]:
    """Two folders of sentence-transformers with one tokenizer, their weights unlike."""
    from safetensors.numpy import load_file, save_file

    top = tmp_path_factory.mktemp("models")
    first = tiny.saved(tiny.bert(top / "bare"), top / "first", "mean")
    second = tiny.copy(first, top / "second")
    rng = np.random.default_rng(1)
    drawn = {
        name: rng.permuted(value.ravel()).reshape(value.shape)
        for name, value in load_file(str(first / "model.safetensors")).items()
    }
    save_file(drawn, str(second / "model.safetensors"), metadata={"format": "pt"})
    return first, second


@pytest.fixture(scope="session")
def teachable(models: tuple[Path, Path]) -> Path:
    """The first with weights as narrow as a model's are before its training: wide ones learn nothing."""
    from safetensors.numpy import load_file, save_file

    folder = tiny.copy(models[0], models[0].parent / "teachable")
    tensors = load_file(str(folder / "model.safetensors"))
    narrow = {
        name: value if value.ndim < 2 else value / value.std() * np.float32(0.1)
        for name, value in tensors.items()
    }
    save_file(narrow, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder
