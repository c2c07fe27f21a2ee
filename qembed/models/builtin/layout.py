"""Configuration files of a converted model, as sentence-transformers and transformers lay folders out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Tensors = dict[str, npt.NDArray[np.float32]]

_MODULES = "sentence_transformers.models."


@dataclass(frozen=True, slots=True)
class BertShape:
    """Shape of a BertModel: counts and widths, `eps` of its layer norms, `pad`: id of the padding token."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    eps: float
    pad: int = 0

    def config(self, architecture: str) -> dict[str, Any]:
        """Content of config.json."""
        return {
            "architectures": [architecture],
            "model_type": "bert",
            "hidden_size": self.hidden,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "intermediate_size": self.intermediate,
            "vocab_size": self.vocabulary,
            "max_position_embeddings": self.positions,
            "type_vocab_size": self.types,
            "layer_norm_eps": self.eps,
            "pad_token_id": self.pad,
            "hidden_act": "gelu",
            "attention_probs_dropout_prob": 0.1,
            "hidden_dropout_prob": 0.1,
            "initializer_range": 0.02,
            "dtype": "float32",
        }


def bert_shape(tensors: Mapping[str, Any], heads: int, eps: float) -> BertShape:
    """Shape of a BertModel by its tensors, named without prefix. Raises KeyError for a missing one."""
    words = tensors["embeddings.word_embeddings.weight"].shape
    layers = {n.split(".")[2] for n in tensors if n.startswith("encoder.layer.")}
    return BertShape(
        hidden=words[1],
        layers=len(layers),
        heads=heads,
        intermediate=tensors["encoder.layer.0.intermediate.dense.bias"].shape[0],
        vocabulary=words[0],
        positions=tensors["embeddings.position_embeddings.weight"].shape[0],
        types=tensors["embeddings.token_type_embeddings.weight"].shape[0],
        eps=eps,
    )


def write_encoder(
    out: Path, shape: BertShape, tensors: Tensors, tokenizer: dict[str, Any], pooling: str
) -> None:
    """Write an encoder's folder but for its tokenizer.json. `pooling`: mean or cls.

    `tokenizer`: content of tokenizer_config.json.
    """
    kinds = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": _MODULES + kind}
        for i, (path, kind) in enumerate(kinds)
    ]
    flags = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    pooled = {f"pooling_mode_{f}": f.startswith(pooling) and f.count("_") == 1 for f in flags}
    _json(out / "modules.json", modules)
    _json(out / "1_Pooling" / "config.json", {"word_embedding_dimension": shape.hidden, **pooled})
    _json(
        out / "sentence_bert_config.json",
        {"max_seq_length": shape.positions, "do_lower_case": False},
    )
    _transformer(out, shape.config("BertModel"), tensors, tokenizer)


def write_cross_encoder(
    out: Path, shape: BertShape, tensors: Tensors, tokenizer: dict[str, Any]
) -> None:
    """Write the folder of a classifier with one output, but for its tokenizer.json."""
    labels = {"id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}}
    config = {**shape.config("BertForSequenceClassification"), **labels}
    _transformer(out, config, tensors, tokenizer)


def _transformer(
    out: Path, config: dict[str, Any], tensors: Tensors, tokenizer: dict[str, Any]
) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    _json(out / "config.json", config)
    _json(out / "tokenizer_config.json", tokenizer)
    whole = {n: np.ascontiguousarray(t, dtype=np.float32) for n, t in tensors.items()}
    save_file(whole, str(out / "model.safetensors"), metadata={"format": "pt"})


def _json(path: Path, body: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(body, indent=1), "utf-8")
