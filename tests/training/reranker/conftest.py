"""A tiny cross-encoder that can be taught."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.models import tiny


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    """A cross-encoder with weights as narrow as a model's are before its training."""
    from safetensors.numpy import load_file, save_file

    folder = tiny.classifier(tmp_path_factory.mktemp("rerankers") / "teachable")
    path = str(folder / "model.safetensors")
    narrow = {
        name: value if value.ndim < 2 else value / value.std() * np.float32(0.1)
        for name, value in load_file(path).items()
    }
    save_file(narrow, path, metadata={"format": "pt"})
    return folder
