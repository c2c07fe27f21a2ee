"""qembed.testing: near texts are near, everywhere the same, and nothing heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from qembed.models import open_model, open_reranker
from qembed.protocols import Encoder, TokenEncoder
from qembed.testing import BagOfWords, WordOverlap, encoder, reranker


def test_texts_that_share_words_are_near() -> None:
    texts = ["late parcel", "Parcel, late!", "the parcel is late", "refund of an order"]
    vectors = encoder().encode(texts)
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    cosines = vectors @ vectors[0]
    assert cosines[1] == pytest.approx(1, abs=1e-6)
    assert 0.5 < cosines[2] < 0.9
    assert abs(cosines[3]) < 0.3


def test_vectors_are_the_same_everywhere() -> None:
    """Numbers written down once: another numpy or machine must not change them."""
    found = BagOfWords(4).encode(["late parcel", "", "é"])
    wanted = [
        [0.179619, 0.430274, 0.409513, -0.784156],
        [0.407458, -0.028050, -0.537666, -0.737635],
        [0.307402, -0.875986, -0.307117, -0.209359],
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_a_text_has_the_same_bits_in_any_batch() -> None:
    texts = [f"word{i} of many, {i * i}" for i in range(50)]
    together = encoder().encode(texts)
    assert all(
        encoder().encode([t])[0].tobytes() == v.tobytes()
        for t, v in zip(texts, together, strict=True)
    )
    assert encoder().encode([]).shape == (0, 256)


def test_token_vectors() -> None:
    (found,) = encoder().encode_tokens(["late parcel"])
    assert found.shape == (2, 256)
    np.testing.assert_array_equal(found[1], encoder().encode(["parcel"])[0])


def test_the_reranker_counts_words() -> None:
    pairs = [
        ("late parcel", "a Parcel that is late"),
        ("late parcel", "late"),
        ("refund", "parcel"),
    ]
    assert WordOverlap().score(pairs) == [1.0, 0.5, 0.0]


def test_they_are_models() -> None:
    checked: tuple[Encoder, TokenEncoder] = (encoder(), encoder())
    assert checked[0].info.batch_invariant
    model = open_model("py:qembed.testing:encoder")
    assert (model.dim, model.name) == (256, "bag-of-words")
    scorer = open_reranker("py:qembed.testing:reranker", model)
    assert scorer.score([("late", "too late")]).tolist() == [1.0]
    assert type(reranker()) is WordOverlap


def test_importing_it_is_light() -> None:
    code = "import sys, qembed.testing; print(sorted({'numpy', 'torch', 'pyarrow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
