"""Tiny models of every shape that sentence-transformers saves: their modules, as its users list them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.models import tiny
from tests.models.tiny import TEXTS, WIDTH

NEAR = {"rtol": 0, "atol": 1e-5}
SPOKEN = [t for t in TEXTS if t.strip()]
"""Texts with tokens: a static embedding gives zeros for others."""


def theirs(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(folder), device="cpu")


Builder = Callable[[Path], list[Any]]
"""Modules over a bare BERT in a folder."""


def transformer(bare: Path) -> Any:
    from sentence_transformers.sentence_transformer.modules import Transformer

    text = {"text": {"method": "forward", "method_output_name": "last_hidden_state"}}
    return Transformer(str(bare), modality_config=text, module_output_name="token_embeddings")


def pooling(modes: str | list[str] = "mean", width: int = WIDTH, **more: Any) -> Any:
    from sentence_transformers.sentence_transformer.modules import Pooling

    return Pooling(width, pooling_mode=modes, **more)


def dense(inside: int, out: int, activation: str = "Tanh", **more: Any) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    torch.manual_seed(5)
    return Dense(inside, out, activation_function=getattr(torch.nn, activation)(), **more)


def layer_norm(width: int) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import LayerNorm

    torch.manual_seed(6)
    made = LayerNorm(width)
    torch.nn.init.normal_(made.norm.weight)
    torch.nn.init.normal_(made.norm.bias)
    return made


def normalize() -> Any:
    from sentence_transformers.sentence_transformer.modules import Normalize

    return Normalize()


def static(bare: Path) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(bare / "tokenizer.json"))
    torch.manual_seed(7)
    return StaticEmbedding(tokenizer, torch.randn(tokenizer.get_vocab_size(), 32))


SHAPES: dict[str, Builder] = {
    "no normalize": lambda b: [transformer(b), pooling()],
    "cls+mean": lambda b: [transformer(b), pooling(["cls", "mean"]), normalize()],
    "mean+max+cls": lambda b: [transformer(b), pooling(["mean", "max", "cls"])],
    "max": lambda b: [transformer(b), pooling("max")],
    "weightedmean": lambda b: [transformer(b), pooling("weightedmean"), normalize()],
    "lasttoken": lambda b: [transformer(b), pooling("lasttoken")],
    "mean_sqrt_len": lambda b: [transformer(b), pooling("mean_sqrt_len_tokens")],
    "weightedmean+lasttoken+mean_sqrt_len": lambda b: [
        transformer(b),
        pooling(["weightedmean", "lasttoken", "mean_sqrt_len_tokens"]),
        normalize(),
    ],
    "dense": lambda b: [transformer(b), pooling(), dense(WIDTH, 24), normalize()],
    "dense identity": lambda b: [transformer(b), pooling("cls"), dense(WIDTH, 80, "Identity")],
    "dense twice": lambda b: [
        transformer(b),
        pooling(["cls", "mean"]),
        dense(2 * WIDTH, 64, "GELU"),
        dense(64, 20, "Identity", bias=False),
        normalize(),
    ],
    "dense of tokens": lambda b: [
        transformer(b),
        dense(WIDTH, 16, module_input_name="token_embeddings"),
        pooling(["mean", "max"], 16),
    ],
    "dense residual": lambda b: [
        transformer(b),
        pooling(),
        dense(WIDTH, WIDTH, use_residual=True),
    ],
    "layer norm": lambda b: [transformer(b), pooling(), layer_norm(WIDTH), normalize()],
    "normalize before dense": lambda b: [
        transformer(b),
        pooling(),
        normalize(),
        dense(WIDTH, 24, "ReLU"),
        layer_norm(24),
    ],
    "static": lambda b: [static(b)],
    "static normalize": lambda b: [static(b), normalize()],
    "static dense": lambda b: [static(b), dense(32, 8), normalize()],
}


def saved(bare: Path, folder: Path, modules: Builder, **settings: Any) -> Path:
    """Folder that sentence-transformers writes. `settings`: fields of config_sentence_transformers.json."""
    from sentence_transformers import SentenceTransformer

    made = SentenceTransformer(modules=modules(bare), device="cpu")
    made.save(str(folder), create_model_card=False)
    if settings:
        tiny.change(folder, "config_sentence_transformers.json", **settings)
    return folder


def old_layout(folder: Path, to: Path) -> Path:
    """Layout of sentence-transformers 0.x and 1.x: the transformer in `0_Transformer`."""
    inside = to / "0_Transformer"
    inside.mkdir(parents=True)
    for path in folder.iterdir():
        if path.is_dir():
            shutil.copytree(path, to / path.name)
        elif path.name not in ("modules.json", "config_sentence_transformers.json"):
            shutil.copy(path, inside / path.name)
    listed = json.loads((folder / "modules.json").read_text("utf-8"))
    for module in listed:
        module["path"] = module["path"] or "0_Transformer"
        module["type"] = tiny.CONFIG + module["type"].rsplit(".", 1)[-1]
    (to / "modules.json").write_text(json.dumps(listed), "utf-8")
    return to
