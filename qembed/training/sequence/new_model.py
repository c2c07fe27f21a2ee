"""A small transformer with random weights over the units of an alphabet, as a sentence-transformer."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models.library_logging import quiet
from qembed.training.sequence.units import BEGIN, END, MASK, PAD, UNKNOWN

if TYPE_CHECKING:
    from tokenizers import Tokenizer

HEAD = 32
"""Dimensions of an attention head."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Width of the vectors, layers, and tokens that are read at most."""

    width: int = 64
    layers: int = 2
    max_tokens: int = 512

    def check(self) -> None:
        """Raise UsageError for sizes out of range."""
        if self.width < HEAD or self.width % HEAD:
            raise UsageError(f"--width {self.width}: a multiple of {HEAD} is wanted")
        if not 1 <= self.layers <= 48:
            raise UsageError(f"--layers {self.layers}: from 1 to 48")
        if not 32 <= self.max_tokens <= 8192:
            raise UsageError(f"--max-tokens {self.max_tokens}: from 32 to 8192")


def new_model(tokenizer: Tokenizer, size: ModelSize, seed: int) -> Any:
    """Untrained model: BERT's layers without dropout, mean pooling, unit vectors.

    There is no dropout: what two views of a sequence differ by are the views.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import (
        Normalize,
        Pooling,
        Transformer,
    )
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.width // HEAD,
        intermediate_size=2 * size.width,
        max_position_embeddings=size.max_tokens,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.token_to_id(PAD),
    )
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        model_max_length=size.max_tokens,
        pad_token=PAD,
        unk_token=UNKNOWN,
        cls_token=BEGIN,
        sep_token=END,
        mask_token=MASK,
    )
    with quiet(), tempfile.TemporaryDirectory(prefix="qembed-") as folder:
        BertModel(config).save_pretrained(folder)
        fast.save_pretrained(folder)
        transformer = Transformer(str(Path(folder)), max_seq_length=size.max_tokens)
        pooling = Pooling(transformer.get_embedding_dimension(), pooling_mode="mean")
        return SentenceTransformer(modules=[transformer, pooling, Normalize()], device="cpu")
