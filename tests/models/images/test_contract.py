"""Models and pictures: which models read some, and what the user's own code may give."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qembed.errors import EncodingError, UsageError
from qembed.models import open_model

RED = Image.new("RGB", (4, 3), (255, 0, 0))
BLUE = Image.new("RGB", (9, 5), (0, 0, 255))


class MeanColour:
    """Pictures by their mean colour, texts by the names of colours in them."""

    dim, version = 3, "1"
    image_recipe = "mean colour"

    def encode(self, texts: Sequence[str]) -> Any:
        return [[1e-3 + (c in text) for c in ("red", "green", "blue")] for text in texts]

    def encode_images(self, images: Sequence[Image.Image]) -> Any:
        return [np.asarray(image).reshape(-1, 3).mean(axis=0) for image in images]


class TooWide(MeanColour):
    def encode_images(self, images: Sequence[Image.Image]) -> Any:
        return np.ones((len(images), 5))


class Broken(MeanColour):
    def encode_images(self, images: Sequence[Image.Image]) -> Any:
        raise RuntimeError("no camera")


@pytest.fixture(scope="module", autouse=True)
def module() -> Iterator[None]:
    made = ModuleType("seeing")
    vars(made).update(colour=MeanColour, wide=TooWide, broken=Broken)
    sys.modules["seeing"] = made
    yield
    del sys.modules["seeing"]


def test_a_model_of_texts_reads_no_pictures() -> None:
    for spec in ("minilm", "py:tests.encoders:bag", "http://localhost:1/v1#name"):
        model = open_model(spec)
        assert model.supports("text")
        assert not model.supports("image")
        assert model.image_recipe == ""
        with pytest.raises(UsageError, match="none of pictures"):
            model.image_encoder()


def test_own_code_encodes_pictures_and_texts_in_one_space() -> None:
    model = open_model("py:seeing:colour")
    assert model.supports("image")
    assert model.image_recipe == "mean colour"
    encoder = model.image_encoder()
    assert encoder.supports("image")
    assert encoder.image_recipe == "mean colour"
    pictures = encoder.encode_images([RED, BLUE])
    assert pictures.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(pictures, axis=1), 1, atol=1e-6)
    texts = model.encoder().encode(["a blue house", "red"])
    assert (pictures @ texts.T).argmax(axis=1).tolist() == [1, 0]
    assert encoder.encode_images([]).shape == (0, 3)


def test_what_own_code_gives_for_pictures_is_checked() -> None:
    with pytest.raises(EncodingError, match="gave 5 dimensions"):
        open_model("py:seeing:wide").image_encoder().encode_images([RED])
    with pytest.raises(EncodingError, match="RuntimeError: no camera"):
        open_model("py:seeing:broken").image_encoder().encode_images([RED])
    black = Image.new("RGB", (4, 3))
    with pytest.raises(EncodingError, match="zeros only for the picture '4 x 3'"):
        open_model("py:seeing:colour").image_encoder().encode_images([RED, black])
