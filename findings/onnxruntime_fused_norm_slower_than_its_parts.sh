#!/bin/sh
# onnxruntime 1.32.0, CPU: the default optimisation that fuses a sum and its norm makes both slower.
#
# By default a session replaces Add and LayerNormalization by one node, SkipLayerNormalization, which reads memory once
# where the two read it twice; so one takes it for faster. On a CPU its kernel adds up a row number by number, the other
# norm's by vectors: with 2,000 rows of 384 float32 numbers the one node takes several times as long as the two.
# In a small BERT encoder, in batches of 2,000 tokens, it is a twelfth of all time. The results agree to 2e-6.
# disabled_optimizers=["SkipLayerNormFusion"] keeps the two nodes, in a graph that is saved optimised as well.
#
# Seen (CPU time of one thread, 12 sums with norms; the ratio differs by machine, 3.5 to 7 here):
#   by default:            12 SkipLayerNormalization                 49 ms
#   without the fusion:    12 Add, 12 LayerNormalization             11 ms
#
# Exit code 0: as stated, at least twice the time; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$work"
"$work/venv/bin/python" - <<'PY'
import sys
import time
from collections import Counter

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

LAYERS, ROWS, WIDTH = 12, 2000, 384
rng = np.random.default_rng(0)
nodes = []
for n in range(LAYERS):
    before = f"x{n}"
    nodes.append(helper.make_node("Add", [before, "skip"], [f"s{n}"]))
    nodes.append(helper.make_node("LayerNormalization", [f"s{n}", "gain", "shift"], [f"x{n + 1}"], axis=-1))
shape = [1, "rows", WIDTH]
graph = helper.make_graph(
    nodes,
    "norms",
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x0", "skip")],
    [helper.make_tensor_value_info(f"x{LAYERS}", TensorProto.FLOAT, shape)],
    [numpy_helper.from_array(rng.random(WIDTH, dtype=np.float32), name) for name in ("gain", "shift")],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
feed = {name: rng.standard_normal((1, ROWS, WIDTH), dtype=np.float32) for name in ("x0", "skip")}


def opened(path, **options):
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = 1
    settings.optimized_model_filepath = path
    settings.log_severity_level = 3
    session = ort.InferenceSession(
        model.SerializeToString(), settings, providers=["CPUExecutionProvider"], **options
    )
    return session, Counter(node.op_type for node in onnx.load(path).graph.node)


fused, kinds = opened("fused.onnx")
apart, others = opened("apart.onnx", disabled_optimizers=["SkipLayerNormFusion"])
times = {fused: [], apart: []}
for _ in range(15):
    for session, spent in times.items():
        start = time.process_time()
        session.run(None, feed)
        spent.append(time.process_time() - start)
one, two = (1000 * float(np.median(spent)) for spent in times.values())
difference = float(np.abs(fused.run(None, feed)[0] - apart.run(None, feed)[0]).max())
print(f"by default:          {dict(kinds)}  {one:.0f} ms")
print(f"without the fusion:  {dict(others)}  {two:.0f} ms, results differ by {difference:.1g} at most")
as_stated = (
    kinds == {"SkipLayerNormalization": LAYERS}
    and others == {"Add": LAYERS, "LayerNormalization": LAYERS}
    and difference < 1e-4
    and one > 2 * two
)
sys.exit(0 if as_stated else 1)
PY
