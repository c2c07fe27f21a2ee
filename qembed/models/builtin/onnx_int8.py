"""Weights of a BERT graph that onnxruntime quantised dynamically to 8 bit, as float32 tensors.

Such a graph holds `NAME_quantized`, `NAME_scale` and `NAME_zero_point` for each weight: embeddings by one
scale, matrices by one too or by one for each column, under names that the exporter made up
(`onnx::MatMul_1525`). The bias added behind a product still has its own name, which tells the layer.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable
from qembed.models.builtin.layout import bert_shape, write_cross_encoder, write_encoder
from qembed.models.builtin.registry import BuiltinModel

if TYPE_CHECKING:
    from qembed.models.builtin.layout import Tensors

_HEADS = 12
_EPS = 1e-12
"""What the graphs' shapes do not tell: attention heads, and the epsilon of layer norms."""
_QUANTIZED = "_quantized"


def convert(model: BuiltinModel, files: Path, out: Path) -> None:
    """Write a model's float32 folder. Raises ModelUnavailable for a graph of another form."""
    source = files / "model.onnx"
    try:
        tensors = read_weights(source)
        prefix = "bert." if model.kind == "reranker" else ""
        inner = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        shape = bert_shape(inner, _HEADS, _EPS)
    except (KeyError, IndexError, ValueError) as e:
        raise ModelUnavailable(f"{source}: no quantised BERT as expected ({e})") from e
    settings: dict[str, Any] = {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "tokenize_chinese_chars": True,
        "strip_accents": None,
        "model_max_length": shape.positions,
        **{f"{n}_token": f"[{n.upper()}]" for n in ("pad", "unk", "cls", "sep", "mask")},
    }
    if model.kind == "reranker":
        write_cross_encoder(out, shape, tensors, settings)
    else:
        write_encoder(out, shape, tensors, settings, "cls")
    tokenizer = json.loads((files / "tokenizer.json").read_text("utf-8"))
    tokenizer["truncation"] = tokenizer["padding"] = None  # the folder's limits say so
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), "utf-8")
    shutil.copyfile(files / "vocab.txt", out / "vocab.txt")


def read_weights(path: Path) -> Tensors:
    """Float32 tensors of a quantised graph by their names in torch; matrices as (outputs, inputs).

    Raises KeyError or ValueError for a graph of another form.
    """
    import numpy as np
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    raw = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)

    def value(name: str) -> Any:
        zero = raw[f"{name}_zero_point"].astype(np.int32)
        scale = raw[f"{name}_scale"].astype(np.float32)
        return (raw[name + _QUANTIZED].astype(np.int32) - zero) * scale

    tensors: Tensors = {}
    matrices = set()
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            name = node.input[1].removesuffix(_QUANTIZED)
            matrices.add(name)
            bias = _bias(node.output[0], readers, raw)
            tensors[bias.removesuffix("bias") + "weight"] = value(name).T
            tensors[bias] = raw[bias]
    for name, array in raw.items():
        if name.endswith(_QUANTIZED):
            if name.removesuffix(_QUANTIZED) not in matrices:
                tensors[name.removesuffix(_QUANTIZED)] = value(name.removesuffix(_QUANTIZED))
        elif name.endswith((".weight", ".bias")):
            tensors[name] = array
    return {name: np.asarray(t, dtype=np.float32) for name, t in tensors.items()}


def _bias(output: str, readers: dict[str, list[Any]], raw: dict[str, Any]) -> str:
    """Name of the bias that is added to a product, behind its rescaling. Raises ValueError."""
    seen = [output]
    while seen:
        for node in readers.get(seen.pop(), []):
            named = [n for n in node.input if n.endswith(".bias") and n in raw]
            if node.op_type == "Add" and named:
                return str(named[0])
            if node.op_type in ("Cast", "Mul"):
                seen.extend(node.output)
    raise ValueError(f"no bias behind the product {output}")
