"""Exported cross-encoders: the logits of the formula, in any batch and from any padding side."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models.onnx import core_batches, prepare
from qembed.models.onnx import cross_encoder as cross_encoder_module
from qembed.models.onnx.prepare import cross_encoder, open_cross
from qembed.models.onnx.session import ROWS, TYPES
from qembed.models.rerankers.cross_encoder import CrossEncoderReranker
from tests.models import reference, tiny
from tests.models.conftest import SIDES
from tests.models.exports import make

pytestmark = pytest.mark.slow

PAIRS = [
    ("what is red", "Mars is the red planet."),
    ("what is red", "fox"),
    ("fox", "it rains " * 90),
    ("a query that is long " * 20, "and a passage that is long " * 20),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> dict[str, Path]:
    """Padding side -> a cross-encoder with an export in the cache; a graph knows nothing of the side."""
    top = tmp_path_factory.mktemp("cross")
    made, found = tiny.classifier(top / "model"), {}
    for side in SIDES:
        found[side] = tiny.copy(made, top / side)
        tiny.change(found[side], "tokenizer_config.json", padding_side=side)
    wanted = {side: cross_encoder(path, str(path), "cpu") for side, path in found.items()}
    export = make(wanted["left"], top / "export")
    for side in SIDES:
        shutil.copytree(export.folder, wanted[side].slot().folder)
    return found


@pytest.fixture(params=[(side, by) for side in SIDES for by in ("torch", "onnx")], ids=" ".join)
def both(
    request: Any, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> tuple[CrossEncoderReranker, Path]:
    """(a cross-encoder by torch or onnxruntime, its folder)."""
    side, by = request.param
    if by == "torch":
        monkeypatch.setenv(prepare.RUNTIME, "torch")
    cross = CrossEncoderReranker(folders[side], "cpu")
    assert (cross._exported is not None) == (by == "onnx")
    return cross, folders[side]


def test_logits_are_those_of_the_formula(both: tuple[CrossEncoderReranker, Path]) -> None:
    cross, folder = both
    expected = reference.cross_logits(folder, PAIRS)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(cross.logits(PAIRS), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cross.score(PAIRS), 1 / (1 + np.exp(-expected)), atol=1e-5)
    assert cross.truncated == 2 * PAIRS[2:]


def test_a_batch_of_one_is_a_mixed_batch(both: tuple[CrossEncoderReranker, Path]) -> None:
    cross, _ = both
    together = cross.logits(PAIRS)
    alone = np.concatenate([cross.logits([p]) for p in PAIRS])
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(cross.logits(PAIRS[::-1]), together[::-1], rtol=1e-5, atol=1e-5)


def test_it_is_packed_and_equal_pairs_are_computed_once(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cross = CrossEncoderReranker(folders["right"], "cpu")
    exported = cross._exported
    assert exported is not None
    assert exported._graph.inputs == ["input_ids", "attention_mask", ROWS, TYPES]
    sizes, run = [], exported._graph.run
    monkeypatch.setattr(
        exported._graph,
        "run",
        lambda out, feed, **more: sizes.append(len(feed[TYPES])) or run(out, feed, **more),
    )
    tracked: list[int] = []
    alone = cross.logits(PAIRS)
    sizes.clear()
    many = cross.logits([*PAIRS, *PAIRS[::-1], PAIRS[0]], tracked.append)
    assert (sum(sizes), sum(tracked)) == (len(PAIRS), 2 * len(PAIRS) + 1)
    np.testing.assert_array_equal(many, [*alone, *alone[::-1], alone[0]])


def test_many_pairs_are_tokenized_in_slices(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cross = CrossEncoderReranker(folders["right"], "cpu")
    pairs = [(f"query {i % 3}", "red planet " * (i % 7) + str(i)) for i in range(40)]
    whole = cross.logits(pairs)
    monkeypatch.setattr(cross_encoder_module, "SLICE", 7)
    # the first scores come before the last pairs are tokenized
    exported = cross._exported
    assert exported is not None
    order: list[int] = []
    tokens = exported._tokens
    monkeypatch.setattr(
        exported, "_tokens", lambda part, long: order.append(-len(part)) or tokens(part, long)
    )
    np.testing.assert_allclose(cross.logits(pairs, order.append), whole, rtol=0, atol=1e-6)
    assert [-n for n in order if n < 0] == [7] * 5 + [5]
    assert sum(n for n in order if n > 0) == 40
    assert min(i for i, n in enumerate(order) if n > 0) < order.index(-5)
    assert cross.logits([]).shape == (0,)


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_cores_compute_batches_of_their_own_to_the_same_bits(
    cores: int, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cross = CrossEncoderReranker(folders["right"], "cpu")
    exported = cross._exported
    assert exported is not None
    pairs = [(f"query {i % 3}", "red planet " * (i % 7) + str(i)) for i in range(40)]
    whole = cross.logits(pairs)
    monkeypatch.setattr(core_batches, "threads", lambda: cores)
    monkeypatch.setattr(core_batches, "ONE_CORE_TOKENS", (40, 60))
    monkeypatch.setattr(cross_encoder_module, "SLICE", 25)
    # all cores begin before one of them ends
    run, together = exported._graph.run, threading.Barrier(cores, timeout=20)
    apart, begun = [], iter(range(cores))

    def at_once(output: str, feed: dict[str, Any], one_core: bool) -> Any:
        apart.append(one_core)
        if next(begun, None) is not None:
            together.wait()
        return run(output, feed, one_core=one_core)

    monkeypatch.setattr(exported._graph, "run", at_once)
    cross.truncated.clear()
    tracked: list[int] = []
    np.testing.assert_array_equal(cross.logits([*pairs, PAIRS[2]], tracked.append)[:-1], whole)
    assert set(apart) == {cores > 1}
    assert (len(tracked), sum(tracked)) == (len(apart), 41)
    assert cross.truncated == [PAIRS[2]]


def test_without_its_export_it_says_so(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path))
    folder = folders["right"]
    exported, note = open_cross(cross_encoder(folder, str(folder), "cpu"))
    assert exported is None
    assert note == (
        f"right is loaded by torch, which takes seconds (qembed models prepare {folder} mends it)"
    )
    monkeypatch.setenv("QEMBED_CACHE", "/proc/none")
    _, note = open_cross(cross_encoder(folder, str(folder), "cpu"))
    assert note is not None
    assert note.endswith("($QEMBED_CACHE may name another folder)")


def test_a_pair_has_the_same_bits_in_any_batch(both: tuple[CrossEncoderReranker, Path]) -> None:
    cross, _ = both
    if cross._exported is None:
        assert not cross.batch_invariant
        return
    assert cross.batch_invariant
    pairs = [(q, t[:n]) for n in (3, 9, 20, 200) for q, t in PAIRS]
    together = cross.logits(pairs)
    alone = np.concatenate([cross.logits([p]) for p in pairs])
    np.testing.assert_array_equal(together, alone)
    np.testing.assert_array_equal(together[3:8], cross.logits(pairs[3:8]))
