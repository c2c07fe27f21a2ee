"""Encoding a model of Qwen3-Embedding-0.6B's shape on a GPU, random weights, against sentence-transformers.

Both encode the same texts of mixed length from the same folder, laid out as its authors do, in the same
precision; ours in token budgets sorted by length, theirs with its defaults. What they give is compared
before anything is timed. Says so and ends where there is no GPU.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from tests.bench.table import fact, in_turn, row
from tests.models import tiny

TEXTS = 2000
WARM = 256
"""Texts, short and long ones, that both encode before the clock runs."""
LAYERS, HIDDEN, HEADS, KEYS, HEAD, INNER = 28, 1024, 16, 8, 128, 3072
VOCABULARY, POSITIONS = 151_669, 32_768
AGREE = 0.99
"""Cosine that both must reach: in bfloat16 other batches mean other roundings."""
WORDS = [
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


def texts(n: int = TEXTS) -> list[str]:
    """Between 20 and 400 words, a token each, most of them short."""
    rng = random.Random(0)
    return [" ".join(rng.choices(WORDS, k=int(20 * 20 ** rng.random()))) for _ in range(n)]


def model(folder: Path, layers: int = LAYERS, hidden: int = HIDDEN) -> Path:
    """A folder with a model of that shape: last token, normalised, stored in bfloat16."""
    import torch
    from transformers import Qwen3Config, Qwen3Model

    size = tiny.byte_level(folder, "left", [*tiny.CORPUS, *texts(50)])
    config = Qwen3Config(
        vocab_size=max(size, VOCABULARY),
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=HEADS,
        num_key_value_heads=KEYS,
        head_dim=HEAD,
        intermediate_size=INNER,
        max_position_embeddings=POSITIONS,
    )
    torch.manual_seed(0)
    Qwen3Model(config).to(torch.bfloat16).save_pretrained(str(folder))
    # without them sentence-transformers would take the mean, and turn each text into a conversation
    tiny.with_modules(folder, "lasttoken")
    return tiny.change(folder, "1_Pooling/config.json", word_embedding_dimension=hidden)


def race(folder: Path, device: str, given: list[str], rounds: int = 3) -> None:
    """Prints texts a second of both and the ratio of their times."""
    from sentence_transformers import SentenceTransformer

    from qembed.models import open_model

    ours = open_model(str(folder), device=device).encoder()
    plain = SentenceTransformer(str(folder), device=device)
    fact("precision", f"ours {ours._model.dtype}, sentence-transformers {plain.dtype}")  # type: ignore[attr-defined]
    sample = given[:WARM]
    theirs = plain.encode(sample)
    cosines = (ours.encode(sample) * theirs).sum(axis=1)
    assert cosines.min() > AGREE, f"these are not the same vectors: cosine {cosines.min():.4f}"
    fact("lowest cosine of the two", f"{cosines.min():.5f}")
    a, b, ratio = in_turn(lambda: ours.encode(given), lambda: plain.encode(given), rounds)
    row(f"encode {len(given):,} texts on {device}", a, b, ratio, "sentence-transformers")
    fact("texts a second", f"ours {len(given) / a:,.0f}, theirs {len(given) / b:,.0f}")


def main() -> None:
    """Races on a GPU, if there is one."""
    import torch

    if not torch.cuda.is_available():
        fact("encoding on a GPU", "not run: there is none here")
        return
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "Qwen3-Embedding-0.6B"
        folder.mkdir()
        race(model(folder), "cuda", texts())


if __name__ == "__main__":
    main()
