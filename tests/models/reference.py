"""What a model must give, written from the formulas: one text or pair at a time, no padding, no libraries
above transformers. Tokens are cut by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

POOL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "cls": lambda states: states[0],
    "mean": lambda states: states.mean(axis=0),
    "lasttoken": lambda states: states[-1],
    "cls+mean": lambda states: np.concatenate([states[0], states.mean(axis=0)]),
}


@cache
def _loaded(folder: Path) -> tuple[Any, Any]:
    import torch
    from tokenizers import Tokenizer
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    return Tokenizer.from_file(str(folder / "tokenizer.json")), model


def token_ids(folder: Path, text: str, limit: int) -> list[int]:
    """Ids with the last one, which ends every text of both families, kept when the rest is cut."""
    ids: list[int] = _loaded(folder)[0].encode(text).ids
    return ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]


def states(folder: Path, text: str, limit: int) -> np.ndarray:
    """(tokens, width): the last hidden states of one text."""
    import torch

    ids = torch.tensor([token_ids(folder, text, limit)])
    with torch.no_grad():
        output = _loaded(folder)[1](input_ids=ids, attention_mask=torch.ones_like(ids))
    return np.asarray(output.last_hidden_state[0].numpy(), dtype=np.float64)


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def vectors(
    folder: Path, texts: Sequence[str], pooling: str, limit: int, dim: int | None = None
) -> np.ndarray:
    """Pool, cut, normalise: in this order."""
    pooled = [POOL[pooling](states(folder, text, limit))[:dim] for text in texts]
    return unit(np.stack(pooled))


# ── pairs ────────────────────────────────────────────────────────────────────────────────────────


def cross_logits(folder: Path, pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Logits of a cross-encoder; the longer text is cut first."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from tests.models import tiny

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    for query, passage in pairs:
        given = tokenizer(
            [query],
            [passage],
            truncation="longest_first",
            max_length=tiny.POSITIONS,
            return_tensors="pt",
        )
        with torch.no_grad():
            out.append(model(**given).logits[0, 0].item())
    return np.array(out)


# To the letter from the model's card, not from the code.
SYSTEM = (
    "Judge whether the Document meets the requirements based on the Query and the Instruct provided."
    ' Note that the answer can only be "yes" or "no".'
)
PREFIX = "<|im_start|>system\n" + SYSTEM + "<|im_end|>\n<|im_start|>user\n"
SUFFIX = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
WEB = "Given a web search query, retrieve relevant passages that answer the query"
CODE = "Given a coding query, retrieve relevant code snippets"


@cache
def language_model(folder: Path) -> tuple[Any, Any]:
    """(tokenizer, model) of a Qwen3-Reranker, by transformers."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    return AutoTokenizer.from_pretrained(folder), model


def log_odds(
    folder: Path, pairs: Sequence[tuple[str, str]], limit: int, tasks: Sequence[str] | None = None
) -> np.ndarray:
    """z_yes - z_no, in the card's form: log_softmax over (no, yes), the second less the first.

    Prefix, body and suffix are tokenized apart, the body is cut.
    """
    import torch

    tokenizer, model = language_model(folder)

    def ids(text: str) -> list[int]:
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])

    prefix, suffix = ids(PREFIX), ids(SUFFIX)
    no, yes = (tokenizer.convert_tokens_to_ids(word) for word in ("no", "yes"))
    out = []
    for (query, document), task in zip(pairs, tasks or [WEB] * len(pairs), strict=True):
        body = ids(f"<Instruct>: {task}\n<Query>: {query}\n<Document>: {document}")
        given = [*prefix, *body[: limit - len(prefix) - len(suffix)], *suffix]
        with torch.no_grad():
            z = model(input_ids=torch.tensor([given])).logits[0, -1]
        both = torch.log_softmax(torch.stack([z[no], z[yes]]), dim=0)
        out.append((both[1] - both[0]).item())
    return np.array(out)
