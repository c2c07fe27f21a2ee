"""Real weights of the extra `models`: known numbers, and equality with plain sentence-transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model, open_reranker, passage_text, query_text
from qembed.models.builtin.source import builtin_folder
from qembed.models.profiles import profile_for
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from tests.documentation import EXPORTS
from tests.models.tiny import TEXTS

pytestmark = pytest.mark.slow

MANY = [*TEXTS, "如何申请退款？", "สวัสดีครับ", "Größe\tund é e\u0301\u200bx", "long text " * 700, "?"]


@pytest.fixture(scope="module", autouse=True)
def conversions(quietly: None) -> Iterator[None]:
    """Conversions and exports that stay between runs of the tests: 470 MB are written but once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(EXPORTS))
        yield


@pytest.mark.parametrize(
    ("name", "pooling", "query"),
    [
        ("bge-small", "cls", "Represent this sentence for searching relevant passages: x"),
        ("multilingual", "mean", "query: x"),
    ],
)
def test_equals_plain_sentence_transformers(name: str, pooling: str, query: str) -> None:
    from sentence_transformers import SentenceTransformer

    model = open_model(name, device="cpu")
    assert (model.dim, model.pooling, model.max_tokens) == (384, pooling, 512)
    assert model.warning is None
    assert query_text(model.profile.query, "x", None) == query
    plain = SentenceTransformer(str(builtin_folder(name)), device="cpu", local_files_only=True)
    expected = plain.encode(MANY, normalize_embeddings=True)
    got = model.encoder().encode(MANY)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)
    assert model.count(MANY[:3]) == [len(plain.tokenizer(t)["input_ids"]) for t in MANY[:3]]


def test_multilingual_finds_the_page_on_refunds() -> None:
    model = open_model("multilingual", device="cpu")
    profile = profile_for("multilingual")
    texts = [query_text(profile.query, "退钱", None)]
    pages = ("如何申请退款？", "How do I get a refund?", "Opening hours of our shops", "营业时间")
    texts += [passage_text(profile.passage, "none", "", p) for p in pages]
    query, *passages = model.encoder().encode(texts)
    cosines = [float(query @ p) for p in passages]
    assert cosines[0] == pytest.approx(0.904, abs=0.002)
    assert cosines[0] > max(cosines[1:]) + 0.03
    assert cosines[1] > cosines[2] + 0.03  # across languages


def test_the_cross_encoder_tells_answers_from_others() -> None:
    from sentence_transformers import CrossEncoder

    query = "how many people live in Berlin?"
    pairs = [
        (query, "Berlin has a population of 3,520,031 registered inhabitants."),
        (query, "New York City is famous for its museums."),
        (query, "word " * 600),
    ]
    reranker = CrossEncoderReranker(builtin_folder("minilm-l12"), "cpu")
    assert open_reranker("minilm-l12", open_model("minilm")).kind == reranker.kind
    scores = reranker.score(pairs)
    assert scores[0] > 0.99
    assert scores[1] < 0.01
    plain = CrossEncoder(str(builtin_folder("minilm-l12")), device="cpu", local_files_only=True)
    import torch

    expected = plain.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    np.testing.assert_allclose(scores, 1 / (1 + np.exp(-expected)), rtol=0, atol=1e-5)
    # by integers, where this CPU has products of them: nothing else is lost
    np.testing.assert_allclose(reranker.logits(pairs), expected, rtol=0, atol=5e-3)


def test_nothing_is_trained_away() -> None:
    """The folders are whole models: weights are contiguous float32, by the names of transformers."""
    from safetensors import safe_open

    for name in ("bge-small", "multilingual", "minilm-l12"):
        with safe_open(str(Path(builtin_folder(name)) / "model.safetensors"), "np") as f:
            shapes = {n: f.get_slice(n).get_shape() for n in f.keys()}  # noqa: SIM118
            kinds = {f.get_slice(n).get_dtype() for n in shapes}
        assert kinds == {"F32"}
        layers = {n.partition("layer.")[2].partition(".")[0] for n in shapes if "layer." in n}
        assert layers == {str(i) for i in range(12)}
