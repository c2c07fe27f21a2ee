"""Graph of an export, rewritten: its products with weights are computed in 8-bit integers.

A token's states are quantised by a scale of their own, a weight matrix by one for each column. So a token has
the same bits whatever others share its batch: sums of integers are exact, and the scale is its row's alone,
where onnxruntime's DynamicQuantizeLinear takes one for the whole batch. Attention and norms stay float32.

With 16-bit states, what the first 8 bits leave of a state is quantised once more, and its product added.
Where the weights are 8-bit integers times one scale, as of a model that was published so, nothing of them is
lost, and of a state about a 64,000th of its row's largest, in two thirds of float32's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.onnx.cache import GRAPH, WEIGHTS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LEAST_WIDTH = 256
"""Rows and columns of the smallest weight matrix that is quantised: quantising the states costs more than a
smaller product."""
CENTRE = 128
"""Zero point of states: onnxruntime's fast kernel takes unsigned states and signed weights."""
GELU_CENTRE, GELU_LEAST = 32, 0.17
"""Zero point behind a Gelu, which gives no less than minus this: the positive side has 223 steps."""
REST_STEPS = 254
"""Steps of the second 8 bits in one of the first."""
ON_GRID = 0.01
"""Distance of a weight from a multiple of its matrix's scale, in scales, at the most."""
_MS = "com.microsoft"
_P = "eight."
"""Prefix of the names that the rewritten graph adds."""


class Unsuited(Exception):
    """Unsuited graph: no large products with weights, or other vectors in 8 bits."""


def write_eight_bit(source: Path, out: Path, output: str, sixteen: bool = False) -> None:
    """Write the rewritten graph of the folder `source` into the folder `out`: one output, GRAPH and WEIGHTS.

    Needs a graph without padding, whose states are (1, tokens, width). `sixteen`: with 16-bit states, and of
    weights that are 8-bit integers times a scale. Raises Unsuited, and OSError.
    """
    import onnx

    model = onnx.load(str(source / GRAPH), load_external_data=False)
    rewriting = _Rewriting(model.graph, source, sixteen)
    nodes = _needed(list(rewriting.nodes()), output)
    if not rewriting.quantised:
        raise Unsuited("no product with a large matrix of weights")
    read = {name for node in nodes for name in node.input}
    graph = onnx.helper.make_graph(
        nodes,
        model.graph.name,
        list(model.graph.input),
        [o for o in model.graph.output if o.name == output],
        [onnx.numpy_helper.from_array(a, n) for n, a in rewriting.arrays(read)],
    )
    made = onnx.helper.make_model(
        graph, opset_imports=list(model.opset_import), ir_version=model.ir_version
    )
    onnx.save_model(
        made,
        str(out / GRAPH),
        save_as_external_data=True,
        location=WEIGHTS,
        size_threshold=1024,
    )
    (out / WEIGHTS).chmod((out / GRAPH).stat().st_mode)  # onnx makes it for this user only


def _needed(nodes: list[Any], output: str) -> list[Any]:
    """Nodes that `output` depends on, in their order."""
    wanted, kept = {output}, []
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            kept.append(node)
            wanted.update(node.input)
    return kept[::-1]


class _Rewriting:
    """Nodes of a graph with its products rewritten. `quantised`: number of these so far."""

    def __init__(self, graph: Any, folder: Path, sixteen: bool) -> None:
        self._graph = graph
        self._folder = folder
        self._sixteen = sixteen
        self._stored = {i.name: i for i in graph.initializer}
        self._added: dict[str, npt.NDArray[Any]] = {}
        self._gelus = {o for n in graph.node if n.op_type in ("BiasGelu", "Gelu") for o in n.output}
        self._states: dict[str, tuple[str, str, str]] = {}
        self.quantised = 0

    def arrays(self, names: set[str]) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """(name, content) of the constants among `names`."""
        for name in sorted(names):
            if name in self._added:
                yield name, self._added[name]
            elif name in self._stored:
                yield name, self._array(name)

    def nodes(self) -> Iterator[Any]:
        """Nodes, in an order in which each follows what it reads."""
        for node in self._graph.node:
            if node.op_type == "MatMul" and self._is_large(node.input[1]):
                yield from self._product(node)
            else:
                yield node

    def _is_large(self, name: str) -> bool:
        weights = self._stored.get(name)
        return weights is not None and len(weights.dims) == 2 and min(weights.dims) >= LEAST_WIDTH

    def _array(self, name: str) -> npt.NDArray[Any]:
        import numpy as np
        import onnx

        stored = self._stored[name]
        if stored.data_location != onnx.TensorProto.EXTERNAL:
            return onnx.numpy_helper.to_array(stored)
        at = {e.key: e.value for e in stored.external_data}
        kind = onnx.helper.tensor_dtype_to_np_dtype(stored.data_type)
        length = int(at["length"]) // np.dtype(kind).itemsize
        flat = np.fromfile(
            self._folder / at["location"], kind, length, offset=int(at.get("offset", 0))
        )
        return flat.reshape(stored.dims)

    def _constant(self, name: str, value: Any) -> str:
        self._added[_P + name] = value
        return _P + name

    def _product(self, node: Any) -> Iterator[Any]:
        """Product of quantised states and weights, times both scales."""
        import numpy as np
        from onnx.helper import make_node

        self.quantised += 1
        states, weights = node.input
        if states not in self._states:
            yield from self._quantise(states)
        values, scale, centre = self._states[states]
        whole = self._array(weights)
        columns, scales = integer_weights(whole) if self._sixteen else quantised_columns(whole)
        matrix = self._constant(f"{weights}.values", columns)
        one = self._constant("one", np.float32(1))
        raw = _P + node.output[0]
        column_scales = self._constant(f"{weights}.scales", scales)
        yield make_node(
            "MatMulIntegerToFloat",
            [values, matrix, one, column_scales, centre],
            [raw],
            domain=_MS,
        )
        if self._sixteen:
            column_scales = self._constant(
                f"{weights}.rest_scales", scales / np.float32(REST_STEPS)
            )
            yield make_node(
                "MatMulIntegerToFloat",
                [f"{_P}{states}.rest", matrix, one, column_scales, self._centre(CENTRE)],
                [f"{raw}.rest"],
                domain=_MS,
            )
            yield make_node("Add", [raw, f"{raw}.rest"], [f"{raw}.sum"])
            raw = f"{raw}.sum"
        yield make_node("Mul", [raw, scale], [node.output[0]])

    def _centre(self, value: int) -> str:
        import numpy as np

        return self._constant(f"centre_{value}", np.uint8(value))

    def _quantise(self, states: str) -> Iterator[Any]:
        """Quantise each row of the states, once for all products that read them."""
        import numpy as np
        from onnx.helper import make_node

        name = _P + states
        last = self._constant("last", np.array([-1]))
        highest, scale, rows = f"{name}.highest", f"{name}.scale", f"{name}.rows"
        yield make_node("ReduceMax", [states, last], [highest], keepdims=1)
        if states in self._gelus:
            centre, largest = GELU_CENTRE, [highest]
            step = self._constant("gelu_step", np.float32(1 / (255 - GELU_CENTRE)))
            least = self._constant("gelu_least", np.float32(GELU_LEAST / GELU_CENTRE))
        else:
            centre, largest = CENTRE, [highest, f"{name}.lowest"]
            step = self._constant("step", np.float32(1 / (255 - CENTRE)))
            least = self._constant("least", np.float32(1e-20))
            yield make_node("ReduceMin", [states, last], [f"{name}.least"], keepdims=1)
            yield make_node("Neg", [f"{name}.least"], [f"{name}.lowest"])
            yield make_node("Max", largest, [f"{name}.largest"])
            largest = [f"{name}.largest"]
        yield make_node("Mul", [*largest, step], [f"{name}.step"])
        yield make_node("Max", [f"{name}.step", least], [scale])
        yield make_node("Reshape", [scale, self._constant("flat", np.array([-1]))], [rows])
        yield make_node("Shape", [rows], [f"{name}.count"])
        point = self._centre(centre)
        yield make_node("Expand", [point, f"{name}.count"], [f"{name}.centres"])
        # the rows' axis: behind the only text
        yield make_node(
            "QuantizeLinear", [states, rows, f"{name}.centres"], [f"{name}.values"], axis=1
        )
        self._states[states] = (f"{name}.values", scale, point)
        if self._sixteen:
            yield from self._quantise_rest(states)

    def _quantise_rest(self, states: str) -> Iterator[Any]:
        """Quantise what the first 8 bits leave of the states."""
        import numpy as np
        from onnx.helper import make_node

        name = _P + states
        rows = [f"{name}.rows", f"{name}.centres"]
        yield make_node("DequantizeLinear", [f"{name}.values", *rows], [f"{name}.first"], axis=1)
        yield make_node("Sub", [states, f"{name}.first"], [f"{name}.left"])
        step = self._constant("rest_step", np.float32(1 / REST_STEPS))
        yield make_node("Mul", [f"{name}.rows", step], [f"{name}.rest_rows"])
        centres = f"{name}.rest_centres"
        yield make_node("Expand", [self._centre(CENTRE), f"{name}.count"], [centres])
        yield make_node(
            "QuantizeLinear",
            [f"{name}.left", f"{name}.rest_rows", centres],
            [f"{name}.rest"],
            axis=1,
        )


def quantised_columns(
    weights: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """(values from -127 to 127, scale of each column), so that values times scales are the weights."""
    import numpy as np

    scales = np.abs(weights).max(axis=0) / 127
    scales[scales == 0] = 1
    return np.rint(weights / scales).astype(np.int8), scales.astype(np.float32)


def integer_weights(
    weights: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """(values from -127 to 127, scale of each column), whose products are the weights: one scale for all.

    Raises Unsuited for weights that are no such products.
    """
    import numpy as np

    levels = np.unique(weights).astype(np.float64)
    steps = np.diff(levels)
    if not 0 < len(steps) <= 254:
        raise Unsuited("weights that are not 8-bit integers times a scale")
    # of the largest, it is told most exactly
    largest = levels[np.abs(levels).argmax()]
    scale = abs(largest) / max(round(abs(largest) / steps.min()), 1)
    values = weights / scale
    if np.abs(values - np.rint(values)).max() > ON_GRID or np.abs(values).max() > 127.5:
        raise Unsuited("weights that are not 8-bit integers times a scale")
    return np.rint(values).astype(np.int8), np.full(weights.shape[1], scale, np.float32)
