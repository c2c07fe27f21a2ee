"""Exported encoders: the vectors of the formula and of torch, in any batch, from any thread."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from qembed.models.onnx import core_batches, prepare
from qembed.models.onnx import encoder as encoder_module
from qembed.models.onnx.encoder import VECTOR, OnnxEncoder
from qembed.models.onnx.session import ROWS, SMALL_BATCH_TOKENS
from qembed.models.onnx_export.batch_invariance import is_batch_invariant
from qembed.protocols import EncoderInfo
from tests.models import reference, tiny
from tests.models.conftest import FAMILIES
from tests.models.exports import MIXED, model_in


@pytest.fixture(params=FAMILIES)
def pair(request: Any, exports: Any, families: dict[str, Path]) -> tuple[Any, OnnxEncoder, Path]:
    """(torch's encoder, the exported one, the model's folder)."""
    model, export = exports[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(prepare.RUNTIME, "torch")
        theirs = model_in(families[request.param]).encoder()
    return theirs, OnnxEncoder(export, model.dim, model.max_tokens), families[request.param]


def test_vectors_are_torchs(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    theirs, ours, _ = pair
    np.testing.assert_allclose(ours.encode(MIXED), theirs.encode(MIXED), atol=1e-5)


def test_a_batch_of_one_is_a_mixed_batch(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    _, ours, _ = pair
    alone = np.concatenate([ours.encode([t]) for t in MIXED])
    np.testing.assert_allclose(alone, ours.encode(MIXED), atol=1e-5)


def test_vectors_are_those_of_the_formula(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    """With the end token kept where a text is cut: the reference cuts by hand."""
    _, ours, folder = pair
    model = model_in(folder)
    pooling = model.pooling
    wanted = reference.vectors(folder, MIXED, pooling, model.max_tokens)
    assert max(len(reference.token_ids(folder, t, 10**6)) for t in MIXED) > model.max_tokens
    np.testing.assert_allclose(ours.encode(MIXED), wanted, atol=1e-5)


def test_token_states_are_torchs(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    theirs, ours, _ = pair
    for a, b in zip(ours.encode_tokens(MIXED), theirs.encode_tokens(MIXED), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_one_export_serves_all_dimensions(exports: Any, families: dict[str, Path]) -> None:
    model, export = exports["qwen-left"]
    whole = OnnxEncoder(export, model.dim, model.max_tokens).encode(MIXED)
    cut = OnnxEncoder(export, 32, model.max_tokens).encode(MIXED)
    wanted = reference.vectors(
        families["qwen-left"], MIXED, model.pooling, model.max_tokens, dim=32
    )
    np.testing.assert_allclose(cut, wanted, atol=1e-5)
    assert whole.shape == (len(MIXED), model.dim)


def test_small_and_large_batches_agree(exports: Any) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    many = encoder.encode(["it rains in the harbour " * 12] * 40)
    np.testing.assert_allclose(
        many[7:8], encoder.encode(["it rains in the harbour " * 12]), atol=1e-5
    )


def test_tokens_are_counted_before_truncation(exports: Any) -> None:
    for model, export in exports.values():
        texts = [*tiny.TEXTS, "it rains " * 500]
        assert OnnxEncoder(export, model.dim, 16).count(texts) == model_in(model.folder.path).count(
            texts
        )


def test_what_was_encoded_is_counted_as_before(exports: Any) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, 16)
    texts = [*tiny.TEXTS, "it rains " * 500, "it rains " * 5000, "", tiny.TEXTS[0]]
    counted = encoder.count(texts)
    encoder.encode(texts)
    assert encoder.count([*texts, "a word more"]) == [*counted, *encoder.count(["a word more"])]
    encoder.encode(["another"])
    assert encoder.count(texts) == counted


def test_many_batches_keep_the_order(exports: Any) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    few, many = encoder.encode(MIXED), encoder.encode(MIXED * 30)
    np.testing.assert_allclose(many, np.tile(few, (30, 1)), rtol=0, atol=1e-5)


@pytest.mark.parametrize("cores", [1, 3])
def test_cores_encode_batches_of_their_own_to_the_same_bits(
    exports: Any, cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    texts = [f"{text} {i}" for i in range(12) for text in MIXED]
    whole = encoder.encode(texts)
    monkeypatch.setattr(core_batches, "threads", lambda: cores)
    monkeypatch.setattr(core_batches, "ONE_CORE_TOKENS", (40, 60))
    monkeypatch.setattr(encoder_module, "FEWEST_TOKENS", 500)
    run, together = encoder._graph.run, Barrier(cores, timeout=20)
    apart, begun = [], iter(range(cores))

    def at_once(output: str, feed: Any, half_cores: bool, one_core: bool) -> Any:
        """All cores begin before one of them ends."""
        apart.append((half_cores, one_core))
        if one_core and next(begun, None) is not None:
            together.wait()
        return run(output, feed, half_cores, one_core)

    monkeypatch.setattr(encoder._graph, "run", at_once)
    np.testing.assert_array_equal(encoder.encode(texts), whole)
    assert {*apart} == {(False, cores > 1)}
    assert encoder._graph.settled == (cores > 1)
    apart.clear()
    np.testing.assert_array_equal(encoder.encode(texts, half_cores=True), whole)
    np.testing.assert_array_equal(encoder.encode(texts[:1]), whole[:1])
    monkeypatch.setattr(encoder, "_short", False)
    np.testing.assert_array_equal(encoder.encode(texts), whole)
    assert {*apart} == {(True, False), (False, False)}


def test_no_texts(exports: Any) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    assert encoder.encode([]).shape == (0, model.dim)
    assert encoder.encode_tokens([]) == []


# ── several threads ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("words", [3, 400], ids=["small", "large"])
def test_two_threads_get_what_one_gets(exports: Any, words: int) -> None:
    """One session's `run`: small batches beside one another, and large ones, give the same bits."""
    model, export = exports["qwen-left"]
    graph = OnnxEncoder(export, model.dim, model.max_tokens)._graph
    rng = np.random.default_rng(0)
    feeds = []
    for _ in range(12):
        ids = rng.integers(0, 200, (4, words), dtype=np.int64)
        mask = np.ones_like(ids)
        mask[1, words // 2 :] = 0
        rows = mask.ravel().nonzero()[0]
        feeds.append({"input_ids": ids, "attention_mask": mask, ROWS: rows})
    assert (feeds[0]["input_ids"].size > SMALL_BATCH_TOKENS) == (words == 400)
    one_by_one = [graph.run(VECTOR, feed) for feed in feeds]
    start = Barrier(2)

    def half(mine: slice) -> list[np.ndarray]:
        start.wait()
        return [graph.run(VECTOR, feed) for feed in feeds[mine]]

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(half, [slice(0, 6), slice(6, 12)])
    for got, wanted in zip([*first, *second], one_by_one, strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert graph._running == 0


def test_two_threads_encode_as_one(exports: Any) -> None:
    model, export = exports["mean-right"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    texts = [f"{text} {i}" for i in range(20) for text in MIXED]
    alone = [encoder.encode([text]) for text in texts]
    with ThreadPoolExecutor(2) as pool:
        beside = list(pool.map(lambda text: encoder.encode([text]), texts))
    np.testing.assert_array_equal(np.concatenate(beside), np.concatenate(alone))


# ── the same bits beside whatever other texts ────────────────────────────────────────────────────


def test_what_an_export_says_of_its_bits_is_so(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    _, ours, _ = pair
    together = ours.encode(MIXED)
    alone = np.concatenate([ours.encode([t]) for t in MIXED])
    assert ours.info.batch_invariant
    assert together.tobytes() == alone.tobytes()


def test_a_difference_in_the_last_digit_is_noticed() -> None:
    class Drifting:
        info = EncoderInfo()

        def encode(self, texts: Sequence[str], *, half_cores: bool = False) -> np.ndarray:
            """A hair's breadth off beside more than ten others."""
            vectors = np.array([[len(t), 1] for t in texts], dtype=np.float32)
            return np.nextafter(vectors, np.float32(9)) if len(texts) > 10 else vectors

    assert not is_batch_invariant(Drifting().encode, tiny.TEXTS)
