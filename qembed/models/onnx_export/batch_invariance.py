"""Batch invariance: a text's vector has the same bits whatever other texts share its batch.

The transformer's products, norms and softmax work row by row, and padding adds exact zeros. Only the sum over
tokens breaks it, which the runtime orders one way for one text and another way for several.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

SIZES = (2, 3, 4, 5, 7, 8, 12, 16)
"""Sizes of the batches that are compared: a runtime has other kernels for other shapes."""


def batch_invariant_modules(model: Any) -> Any:
    """Modules of a SentenceTransformer, with a mean that adds one token after the other.

    Padding then adds zeros at the end, where a product or a plain sum would group its terms by their number.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Pooling, StaticEmbedding

    class Mean(torch.nn.Module):
        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            states = features["token_embeddings"]
            kept = features["attention_mask"].to(states.dtype).unsqueeze(2)
            total = torch.cumsum(states * kept, dim=1)[:, -1]
            return {**features, "sentence_embedding": total / kept.sum(dim=1)}

    class Static(torch.nn.Module):
        """Mean of table rows, from padded ids where StaticEmbedding takes ids and offsets."""

        def __init__(self, table: torch.nn.EmbeddingBag) -> None:
            super().__init__()
            rows, width = table.weight.shape
            self.table = torch.nn.Embedding(rows, width, _weight=table.weight.detach())
            self.mean = Mean()

        def forward(self, features: dict[str, Any]) -> dict[str, Any]:
            states = self.table(features["input_ids"])
            found: dict[str, Any] = self.mean({**features, "token_embeddings": states})
            return found

    def replaced(module: Any) -> Any:
        if isinstance(module, StaticEmbedding):
            return Static(module.embedding)
        return Mean() if isinstance(module, Pooling) and module.pooling_mode == "mean" else module

    return torch.nn.ModuleList(replaced(m) for m in model.children())


WORDS = 24
"""Words in the longest text of a batch."""


def is_batch_invariant(
    compute: Callable[[list[str]], Any], texts: Sequence[str], longest: int = WORDS
) -> bool:
    """True if `compute` gives random batches of the words of `texts` the same bits as each text alone.

    `longest`: words in each batch's first text, beside which the others are padded; they have up to WORDS.
    """
    draw = random.Random(7)
    words = " ".join(texts).split()
    for size in SIZES:
        batch = [" ".join(draw.choices(words, k=draw.randint(1, WORDS))) for _ in range(size)]
        if longest > WORDS:
            batch[0] = " ".join(draw.choices(words, k=longest))
        together = compute(batch)
        if any(
            compute([t])[0].tobytes() != v.tobytes() for t, v in zip(batch, together, strict=True)
        ):
            return False
    return True
