"""Encoding a model of Qwen3-Embedding-0.6B's shape on a GPU, random weights, against sentence-transformers.

Both encode the same texts of mixed length; ours in token budgets sorted by length, theirs with its defaults.
Says so and ends where there is no GPU.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

from tests.bench.table import fact, in_turn, row

TEXTS = 2000
LAYERS, HIDDEN, HEADS, KEYS, INNER = 28, 1024, 16, 8, 3072


def texts(n: int = TEXTS) -> list[str]:
    """Between 20 and 400 words, most of them short."""
    rng = random.Random(0)
    words = [
        "refund",
        "parcel",
        "account",
        "locked",
        "late",
        "gift",
        "card",
        "order",
        "delivery",
        "address",
    ]
    return [" ".join(rng.choices(words, k=int(20 * 20 ** rng.random()))) for _ in range(n)]


def model(folder: Path) -> Path:
    """A folder with a model of that shape."""
    import torch
    from transformers import Qwen3Config, Qwen3Model

    from tests.models import tiny

    size = tiny.byte_level(folder, "left")
    config = Qwen3Config(
        vocab_size=max(size, 151_669),
        hidden_size=HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEYS,
        head_dim=128,
        intermediate_size=INNER,
        max_position_embeddings=32_768,
    )
    torch.manual_seed(0)
    Qwen3Model(config).to(torch.bfloat16).save_pretrained(str(folder))
    return folder


def main() -> None:
    """Prints texts a second of both and their ratio."""
    import torch

    if not torch.cuda.is_available():
        fact("encoding on a GPU", "not run: there is none here")
        return
    from sentence_transformers import SentenceTransformer

    from qembed.models import open_model

    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "Qwen3-Embedding-0.6B"
        folder.mkdir()
        model(folder)
        given = texts()
        ours = open_model(str(folder)).encoder()
        plain = SentenceTransformer(str(folder), device="cuda")
        ours.encode(given[:64])
        plain.encode(given[:64])
        a, b, ratio = in_turn(lambda: ours.encode(given), lambda: plain.encode(given), rounds=3)
        row(f"encode {len(given):,} texts on a GPU", a, b, ratio, "sentence-transformers")


if __name__ == "__main__":
    sys.exit(main())
