"""Exports of every shape of model that sentence-transformers saves: its own vectors, or a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.onnx_export.unpadded import UnsupportedArchitecture
from tests.models import shapes
from tests.models.exports import make, model_in
from tests.models.reference import unit
from tests.models.shapes import NEAR, SPOKEN, theirs

pytestmark = pytest.mark.slow

EXPORTED = (
    "mean+max+cls",
    "weightedmean+lasttoken+mean_sqrt_len",
    "dense twice",
    "dense of tokens",
    "normalize before dense",
    "static dense",
)
"""Shapes that have every mode and module between them: an export takes seconds."""


@pytest.mark.parametrize("name", EXPORTED)
def test_export_equals_sentence_transformers(bert: Path, tmp_path: Path, name: str) -> None:
    folder = shapes.saved(bert, tmp_path / "made", shapes.SHAPES[name])
    model = model_in(folder)
    export = make(model.export_request(), tmp_path / "export")
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    expected = unit(theirs(folder).encode(SPOKEN))
    np.testing.assert_allclose(encoder.encode(SPOKEN), expected, **NEAR)
    assert encoder.count(SPOKEN) == model.count(SPOKEN)


def test_pooling_without_the_prompt_stays_on_torch(bert: Path, tmp_path: Path) -> None:
    pooling = lambda b: [shapes.transformer(b), shapes.pooling(include_prompt=False)]  # noqa: E731
    folder = shapes.saved(bert, tmp_path / "left-out", pooling)
    with pytest.raises(UnsupportedArchitecture, match="its pooling leaves out the prompt"):
        make(model_in(folder).export_request(), tmp_path / "export")
