"""The rewritten graph against the same arithmetic in numpy, and against float32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qembed.models.environment import cpu
from qembed.models.onnx.cache import GRAPH
from qembed.models.onnx.eight_bit import FLAGS
from qembed.models.onnx.eight_bit_graph import (
    GELU_CENTRE,
    GELU_LEAST,
    LEAST_WIDTH,
    REST_STEPS,
    Unsuited,
    integer_weights,
    quantised_columns,
    write_eight_bit,
)
from qembed.models.onnx.runtime import import_onnxruntime

needs_kernel = pytest.mark.skipif(
    FLAGS.isdisjoint(cpu().split()), reason="8-bit sums of this CPU's kernels overflow"
)
WIDTH, INNER = LEAST_WIDTH, LEAST_WIDTH + 64
RNG = np.random.default_rng(0)
WEIGHTS = {
    "up": RNG.normal(0, 0.06, (WIDTH, INNER)).astype(np.float32),
    "down": RNG.normal(0, 0.06, (INNER, WIDTH)).astype(np.float32),
    "small": RNG.normal(0, 0.1, (WIDTH, 8)).astype(np.float32),
    "up_bias": RNG.normal(0, 0.1, INNER).astype(np.float32),
    "down_bias": RNG.normal(0, 0.1, WIDTH).astype(np.float32),
    "gain": RNG.normal(1, 0.1, WIDTH).astype(np.float32),
    "shift": RNG.normal(0, 0.1, WIDTH).astype(np.float32),
}
STATES = RNG.normal(0, 1, (1, 37, WIDTH)).astype(np.float32) * np.geomspace(0.01, 30, 37)[:, None]
STATES = STATES.astype(np.float32)


INTEGERS = {
    **WEIGHTS,
    **{n: np.float32(0.0013) * np.rint(WEIGHTS[n] / 0.0026) for n in ("up", "down")},
}
"""Weights that are integers times one scale."""


def folder_with(tmp_path: Path, smaller: bool = False, weights: dict[str, Any] = WEIGHTS) -> Path:
    """A graph with a layer's feed-forward part; `smaller`: only with a product that is not worth it."""
    from onnx import TensorProto, helper, numpy_helper, save

    own = "com.microsoft"
    nodes = [
        helper.make_node("MatMul", ["given", "up"], ["a"]),
        helper.make_node("BiasGelu", ["a", "up_bias"], ["b"], domain=own),
        helper.make_node("MatMul", ["b", "down"], ["c"]),
        helper.make_node("Add", ["c", "down_bias"], ["d"]),
        helper.make_node("Add", ["d", "given"], ["sum"]),
        helper.make_node("LayerNormalization", ["sum", "gain", "shift"], ["states"], epsilon=1e-12),
        helper.make_node("MatMul", ["states", "small"], ["vector"]),
    ]
    if smaller:
        nodes = [helper.make_node("MatMul", ["given", "small"], ["states"])]
    outputs = ["states"] if smaller else ["states", "vector"]
    graph = helper.make_graph(
        nodes,
        "layer",
        [helper.make_tensor_value_info("given", TensorProto.FLOAT, [1, None, WIDTH])],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(a, n) for n, a in weights.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid(own, 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    (tmp_path / "float32").mkdir()
    save(
        model,
        str(tmp_path / "float32" / GRAPH),
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=4096,
    )
    (tmp_path / "eight").mkdir()
    return tmp_path / "float32"


def session(folder: Path) -> Any:
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    return ort.InferenceSession(str(folder / GRAPH), options, providers=["CPUExecutionProvider"])


def gelu(x: Any) -> Any:
    from math import erf

    return x * (1 + np.vectorize(erf)(x / np.sqrt(2))) / 2


def product(states: Any, weights: Any, gelus: bool, sixteen: bool = False) -> Any:
    """Row by row in integers of 64 bits, scales as the module says."""
    if gelus:
        centre = GELU_CENTRE
        scale = np.maximum(states.max(1) / (255 - centre), GELU_LEAST / centre)
    else:
        centre, scale = 128, np.abs(states).max(1) / 127
    values = np.clip(np.rint(states / scale[:, None]), -centre, 255 - centre).astype(np.int64)
    columns, of_columns = (integer_weights if sixteen else quantised_columns)(weights)
    found = values @ columns.astype(np.int64) * scale[:, None] * of_columns
    if sixteen:
        steps = scale[:, None] / REST_STEPS
        rest = np.clip(np.rint((states - values * scale[:, None]) / steps), -128, 127)
        found += rest.astype(np.int64) @ columns.astype(np.int64) * steps * of_columns
    return found


def layer(states: Any, bits: int, weights: dict[str, Any] = WEIGHTS) -> Any:
    """The layer in float64, its products of states of 8 or 16 bits, or of 32 as they are."""
    w = {n: a.astype(np.float64) for n, a in weights.items()}

    def times(states: Any, name: str, gelus: bool) -> Any:
        if bits == 32:
            return states @ w[name]
        return product(states, weights[name], gelus, bits == 16)

    b = gelu(times(states, "up", False) + w["up_bias"])
    c = times(b, "down", True)
    total = c + w["down_bias"] + states
    normal = (total - total.mean(1, keepdims=True)) / total.std(1, keepdims=True)
    return normal * w["gain"] + w["shift"]


@needs_kernel
def test_the_rewritten_graph_computes_what_numpy_does(tmp_path: Path) -> None:
    source = folder_with(tmp_path)
    write_eight_bit(source, tmp_path / "eight", "states")
    run = session(tmp_path / "eight")
    assert [o.name for o in run.get_outputs()] == ["states"]
    (found,) = run.run(None, {"given": STATES})
    # a value may be rounded up on one side and down on the other: one step of one of 256 products
    np.testing.assert_allclose(found[0], layer(STATES[0].astype(np.float64), 8), atol=5e-3)
    exact = layer(STATES[0].astype(np.float64), 32)
    np.testing.assert_allclose(
        session(source).run(["states"], {"given": STATES})[0][0], exact, atol=1e-4
    )
    cosines = (found[0] * exact).sum(1) / np.linalg.norm(found[0], axis=1)
    assert (cosines / np.linalg.norm(exact, axis=1)).min() > 0.999
    alone = [run.run(None, {"given": STATES[:, n : n + 1]})[0][0, 0] for n in range(37)]
    np.testing.assert_array_equal(alone, found[0])


@needs_kernel
def test_states_of_16_bits_lose_nothing_of_integer_weights(tmp_path: Path) -> None:
    source = folder_with(tmp_path, weights=INTEGERS)
    write_eight_bit(source, tmp_path / "eight", "states", sixteen=True)
    run = session(tmp_path / "eight")
    (found,) = run.run(None, {"given": STATES})
    states = STATES[0].astype(np.float64)
    np.testing.assert_allclose(found[0], layer(states, 16, INTEGERS), atol=5e-4)
    exact = layer(states, 32, INTEGERS)
    coarse = np.abs(layer(states, 8, INTEGERS) - exact).max()
    assert np.abs(found[0] - exact).max() < min(5e-4, coarse / 50)
    alone = [run.run(None, {"given": STATES[:, n : n + 1]})[0][0, 0] for n in range(37)]
    np.testing.assert_array_equal(alone, found[0])


def test_states_of_16_bits_are_for_integer_weights_alone(tmp_path: Path) -> None:
    with pytest.raises(Unsuited, match="weights that are not 8-bit integers"):
        write_eight_bit(folder_with(tmp_path), tmp_path / "eight", "states", sixteen=True)


@given(
    arrays(np.int8, (5, 4), elements=st.integers(-127, 127)),
    st.floats(1e-6, 1e3),
)
def test_integer_weights_are_found_as_they_were(values: Any, scale: float) -> None:
    """With a neighbour of one of them, which tells the scale."""
    values[0, :2] = 100, 101
    weights = np.float32(scale) * values.astype(np.float32)
    found, scales = integer_weights(weights)
    np.testing.assert_array_equal(found, values)
    np.testing.assert_allclose(scales, scale, rtol=1e-5)


@pytest.mark.parametrize(
    "weights",
    [
        [[0.1, 0.2], [0.3, 0.45]],  # no common scale
        [[0.1, 12.9], [0.2, 0.3]],  # a scale, of more than 127 of them
        [[0.5, 0.5], [0.5, 0.5]],  # nothing tells the scale
        np.arange(300).reshape(2, 150) / 300,  # more than 8 bits
    ],
)
def test_other_weights_are_refused(weights: Any) -> None:
    with pytest.raises(Unsuited, match="weights that are not 8-bit integers"):
        integer_weights(np.array(weights, dtype=np.float32))


def test_small_products_stay(tmp_path: Path) -> None:
    with pytest.raises(Unsuited, match="no product"):
        write_eight_bit(folder_with(tmp_path, smaller=True), tmp_path / "eight", "states")


def test_columns_have_scales_of_their_own() -> None:
    weights = np.array([[0.5, 0, -20], [-1, 0, 10]], dtype=np.float32)
    values, scales = quantised_columns(weights)
    assert values.tolist() == [[64, 0, -127], [-127, 0, 64]]
    np.testing.assert_allclose(scales, [1 / 127, 1, 20 / 127], rtol=1e-6)
