"""Scores of pairs against a naive double loop, and against transformers alone."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import EncodingError, ModelUnavailable, UsageError
from qembed.models import Model, open_model, open_reranker
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from qembed.models.rerankers.late_interaction import (
    TEXTS_PER_BATCH,
    LateInteractionReranker,
    Side,
)
from qembed.testing import BagOfWords
from tests.encoders import Bag
from tests.models import reference, tiny

QUERIES = ["the red planet", "fox", "火星"]
PASSAGES = [
    "Mars is the red planet.",
    "The quick brown fox jumps.",
    "火星是红色的行星。",
    "",
    "it " * 90,
]
PAIRS = [(q, p) for p in PASSAGES for q in QUERIES]


class Counting(Bag):
    """Remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: Counter[str] = Counter()
        self.largest = 0

    def encode_tokens(self, texts: Sequence[str]) -> list[np.ndarray]:
        self.seen.update(texts)
        self.largest = max(self.largest, len(texts))
        return super().encode_tokens(texts)


def naive(model: Model, query: str, passage: str) -> float:
    """The mean over query tokens of the best cosine with any passage token, in two loops."""
    encoder = model.token_encoder()
    best = []
    for q in encoder.encode_tokens([query])[0]:
        best.append(max(float(q @ p) for p in encoder.encode_tokens([passage])[0]))
    return sum(best) / len(best)


@pytest.fixture(scope="module")
def model(bert: Path) -> Model:
    return open_model(str(bert), device="cpu")


# ── late interaction ─────────────────────────────────────────────────────────────────────────────


def test_late_is_the_naive_double_loop(model: Model) -> None:
    got = open_reranker("late", model).score(PAIRS)
    assert (got.dtype, got.shape) == (np.float32, (len(PAIRS),))
    expected = [naive(model, q, p) for q, p in PAIRS]
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def test_late_of_a_text_with_itself_is_one(model: Model) -> None:
    got = open_reranker("late", model).score([(p, p) for p in PASSAGES])
    np.testing.assert_allclose(got, 1, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_late_keeps_the_order_and_encodes_each_text_once() -> None:
    rng = np.random.default_rng(0)
    queries = [f"question {i} of some words" for i in range(7)]
    passages = [" ".join(["word", str(i)] * (1 + i % 5)) for i in range(2 * TEXTS_PER_BATCH + 9)]
    pairs = [(queries[i % 7], p) for i, p in enumerate(passages)]
    pairs += [(queries[int(rng.integers(7))], str(rng.choice(passages))) for _ in range(200)]
    rng.shuffle(pairs)
    pairs = [(str(q), str(p)) for q, p in pairs]

    counting = Counting()
    got = LateInteractionReranker(Side(counting)).score(pairs)
    one_by_one = [float(LateInteractionReranker(Side(Bag())).score([pair])[0]) for pair in pairs]
    np.testing.assert_allclose(got, one_by_one, rtol=0, atol=1e-6)
    assert set(counting.seen) == set(queries) | set(passages)
    assert set(counting.seen.values()) == {1}
    assert counting.largest == TEXTS_PER_BATCH  # short ones


def test_late_tells_of_long_passages_often() -> None:
    seen: list[int] = []
    pairs = [("a question", "word " * 150 + str(i)) for i in range(60)]
    LateInteractionReranker(Side(Bag())).score(pairs, seen.append)
    assert sum(seen) == 60
    assert max(seen) <= 10
    seen.clear()
    LateInteractionReranker(Side(Bag())).score([("a question", "word " * 9000)] * 2, seen.append)
    assert seen == [2]


def test_late_of_no_pairs(model: Model) -> None:
    assert LateInteractionReranker(Side(Bag())).score([]).shape == (0,)
    assert open_reranker("late", model).score([]).shape == (0,)


def test_late_needs_token_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = open_model("py:tests.encoders:bag")
    assert isinstance(open_reranker("late", own), LateInteractionReranker)
    monkeypatch.delattr(BagOfWords, "encode_tokens")
    with pytest.raises(UsageError, match=r"py:tests\.encoders:bag has no encode_tokens"):
        open_reranker("late", own)


# ── cross-encoders ───────────────────────────────────────────────────────────────────────────────


SQUASHED = {"activation_fn": "torch.nn.modules.activation.Sigmoid", "version": "5.4.0"}
OLD_SQUASHED = "torch.nn.modules.activation.Sigmoid"


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"sentence_transformers": SQUASHED},
        {"sbert_ce_default_activation_function": OLD_SQUASHED},
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
    ],
    ids=["plain", "squashed", "squashed, older", "identity"],
)
def test_cross_squashes_once(tmp_path: Path, quietly: None, model: Model, config: dict) -> None:
    folder = tiny.classifier(tmp_path / "cross", **config)
    reranker = open_reranker(str(folder), model, device="cpu")
    assert isinstance(reranker, CrossEncoderReranker)
    logits = reference.cross_logits(folder, PAIRS)
    assert np.ptp(logits) > 0.1
    np.testing.assert_allclose(reranker.logits(PAIRS), logits, rtol=1e-5, atol=1e-5)
    got = reranker.score(PAIRS)
    assert (got.dtype, got.shape) == (np.float32, (len(PAIRS),))
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-logits)), rtol=0, atol=1e-5)
    assert (reranker.score([]).shape, reranker.logits([]).shape) == ((0,), (0,))


@pytest.mark.parametrize("labels", [2, 3])
def test_a_classifier_of_more_classes_is_no_reranker(
    tmp_path: Path, quietly: None, model: Model, labels: int
) -> None:
    folder = tiny.classifier(tmp_path / "nli", labels)
    with pytest.raises(UsageError, match=rf"nli: a classifier with {labels} classes is no"):
        open_reranker(str(folder), model, device="cpu")


@pytest.fixture(scope="module")
def cross(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    return tiny.classifier(tmp_path_factory.mktemp("cross") / "cross")


def test_cross_of_mixed_lengths_is_one_at_a_time(cross: Path, model: Model) -> None:
    reranker = open_reranker(str(cross), model, device="cpu")
    seen: list[int] = []
    together = reranker.score(PAIRS, seen.append)
    assert sum(seen) == len(PAIRS)
    alone = np.concatenate([reranker.score([pair]) for pair in PAIRS])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


def test_cross_counts_what_it_cuts(cross: Path, model: Model) -> None:
    reranker = open_reranker(str(cross), model, device="cpu")
    reranker.score(PAIRS)
    assert reranker.truncated == [p for p in PAIRS if p[1] == "it " * 90]


def test_cross_batches_by_tokens(
    cross: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    reranker = open_reranker(str(cross), model, device="cpu")
    assert isinstance(reranker, CrossEncoderReranker)
    sizes: list[int] = []
    predict = reranker._model.predict

    def spy(pairs: list, **more: object) -> np.ndarray:
        sizes.append(len(pairs))
        return predict(pairs, **more)

    monkeypatch.setattr(reranker._model, "predict", spy)
    reranker.score([("fox", "fox")] * 300)
    assert sum(sizes) == 300
    assert max(sizes) > 32
    sizes.clear()
    reranker.score([("fox", "it rains " * 90)] * 300)  # 64 tokens each
    assert sum(sizes) == 300
    assert max(sizes) <= 128


def test_cross_rejects_what_is_no_number(cross: Path, model: Model, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file
    from tokenizers import Tokenizer

    folder = tiny.copy(cross, tmp_path / "nan")
    poison = Tokenizer.from_file(str(folder / "tokenizer.json")).token_to_id("poison")
    weights = load_file(folder / "model.safetensors")
    weights["bert.embeddings.word_embeddings.weight"][poison] = np.inf
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    reranker = open_reranker(str(folder), model, device="cpu")
    assert np.isfinite(reranker.score([("fox", "dog")])).all()
    wanted = "nan gave NaN or infinity for the query 'fox' with the passage 'the poison'"
    with pytest.raises(EncodingError, match=wanted):
        reranker.score([("fox", "dog"), ("fox", "the poison"), ("red", "mars")])


def test_late_counts_what_it_cuts(model: Model) -> None:
    reranker = open_reranker("late", model)
    reranker.score(PAIRS)
    assert reranker.truncated == [p for p in PAIRS if p[1] == "it " * 90]


def test_what_scores_are(cross: Path, model: Model) -> None:
    late = open_reranker("late", model)
    assert (late.kind, late.calibrated) == ("late", False)
    assert "no probabilities" in late.meaning
    made = open_reranker(str(cross), model, device="cpu")
    assert (made.kind, made.calibrated) == ("cross", True)
    assert "probabilities" in made.meaning


def test_cross_with_damaged_weights(tmp_path: Path, quietly: None, model: Model) -> None:
    folder = tiny.classifier(tmp_path / "cut")
    (folder / "model.safetensors").write_bytes(b"\x10")
    with pytest.raises(ModelUnavailable, match="cut cannot be loaded"):
        open_reranker(str(folder), model, device="cpu")


# ── which one ────────────────────────────────────────────────────────────────────────────────────


def test_ones_own_reranker(model: Model) -> None:
    reranker = open_reranker("py:tests.encoders:shouting", model)
    assert reranker.score([("q", "LOUD"), ("q", "quiet")]).tolist() == [4, 0]


def test_ones_own_without_score(model: Model) -> None:
    with pytest.raises(ModelUnavailable, match=r"py:tests\.encoders:bag: .* no score\(pairs\)"):
        open_reranker("py:tests.encoders:bag", model)
    with pytest.raises(UsageError, match="py:module:factory is wanted"):
        open_reranker("py:tests.encoders", model)


@pytest.mark.parametrize("spec", ["nonsense", "", "./nowhere", "/no/such/folder"])
def test_nonsense_names_the_forms(model: Model, spec: str) -> None:
    forms = (
        r"late, minilm-l12, a folder, a hub id, http\(s\)://host:port/v1#model "
        "or py:module:factory is wanted"
    )
    with pytest.raises(UsageError, match=forms):
        open_reranker(spec, model)


def test_a_hub_id_that_is_not_here(model: Model) -> None:
    with pytest.raises(ModelUnavailable, match="hf download nobody/no-reranker"):
        open_reranker("nobody/no-reranker", model)


def test_a_folder_without_a_model(model: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"config\.json is missing"):
        open_reranker(str(tmp_path), model)
    assert str(tmp_path) not in sys.path
