"""A small model to train, and texts for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qembed.training.encoder.encoder_folder import load_trainable

WHOLE = ["the quick brown fox jumps over the lazy dog", "mars is the red planet", "it rains"]


DAMAGED = ["quick fox lazy", "red planet", "it rains"]


@pytest.fixture
def model(teachable: Path) -> Any:
    return load_trainable(str(teachable))[0]


def features(model: Any, texts: list[str]) -> Any:
    return model.preprocess(texts)
