"""Objectives without labels: losses of a language model around the encoder's own weights.

A decoder or a head is made for the training and thrown away after it; what it has in common with the encoder
is the encoder's parameters themselves, as they are in memory.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError

if TYPE_CHECKING:
    import torch

MASKED = 0.15
"""Share of the tokens that a masked language model predicts (Devlin et al. 2019)."""
IGNORED = -100
"""Label of a token that is not predicted."""


def denoising_loss(model: Any) -> Any:
    """Loss of TSDAE (Wang, Reimers and Gurevych 2021): features of (damaged texts, whole texts).

    Cross entropy of each token of the whole text, by a decoder that sees the tokens before it and the vector
    of the damaged text. Raises UsageError for a model that no decoder can be made of.
    """
    import torch

    class DenoisingLoss(torch.nn.Module):
        """Reconstruction of a text from the vector of its damaged copy."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.decoder = tied_decoder(model)

        def forward(self, features: Any, labels: Any = None) -> torch.Tensor:
            """Mean loss of the batch's tokens."""
            damaged, whole = features
            self.decoder.train(self.model.training)
            ids, mask = whole["input_ids"], whole["attention_mask"]
            vectors = self.model(damaged)["sentence_embedding"]
            return reconstruction_loss(self.decoder, vectors, ids, mask)

    return DenoisingLoss()


def reconstruction_loss(
    decoder: Any, vectors: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Cross entropy of the tokens after the first, mean over those that are no padding.

    `vectors`: (n, dim). `ids`, `mask`: (n, tokens). Search compares directions alone, so a direction is all
    that passes; it gets the length of a state after layer normalisation, sqrt(dim). Of length 1 it weighs
    less beside the decoder's own states, and is heeded later.
    """
    import torch

    direction = torch.nn.functional.normalize(vectors, dim=-1)
    states = direction[:, None, :] * math.sqrt(vectors.shape[-1])
    logits = decoder(input_ids=ids[:, :-1], encoder_hidden_states=states, use_cache=False)[0]
    wanted = ids[:, 1:].masked_fill(mask[:, 1:] == 0, IGNORED)
    return torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED
    )


def tied_decoder(model: Any) -> Any:
    """Decoder with cross-attention whose other layers are the encoder's parameters themselves.

    Raises UsageError for an architecture without one, and for vectors of another size than its states.
    """
    from transformers import AutoModelForCausalLM

    encoder = transformer_of(model, "--objective tsdae")
    config = copy.deepcopy(encoder.config)
    config.is_decoder, config.add_cross_attention = True, True
    kind = type(encoder).__name__
    try:
        decoder = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError as e:
        raise UsageError(f"--objective tsdae: {kind} has no decoder (try simcse)") from e
    if not any("crossattention" in name for name, _ in decoder.named_parameters()):
        raise UsageError(f"--objective tsdae: {kind} has no cross-attention (try simcse)")
    width, states = model.get_embedding_dimension(), config.hidden_size
    if width != states:
        raise UsageError(
            f"--objective tsdae: vectors have {width} dimensions, states {states} (try simcse)"
        )
    _share_parameters(encoder, getattr(decoder, decoder.base_model_prefix))
    _share_words(encoder, decoder)
    return decoder


def masked_language_loss(
    model: Any, asked: str = "--objective mlm", instead: str = "try simcse"
) -> Any:
    """Loss of a masked language model: cross entropy of hidden tokens, with a new head.

    `asked`, `instead`: the option and its alternative, in messages. Raises UsageError for an architecture or
    tokenizer without one.
    """
    import torch
    from transformers import AutoModelForMaskedLM, DataCollatorForLanguageModeling

    encoder = transformer_of(model, asked)
    config, kind = copy.deepcopy(encoder.config), type(encoder).__name__
    if model.tokenizer.mask_token is None:
        raise UsageError(f"{asked}: the tokenizer has no mask ({instead})")
    try:
        language_model = AutoModelForMaskedLM.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError as e:
        raise UsageError(f"{asked}: {kind} has no masked form ({instead})") from e
    setattr(language_model, language_model.base_model_prefix, encoder)
    _share_words(encoder, language_model)
    hide = DataCollatorForLanguageModeling(model.tokenizer, mlm_probability=MASKED)

    class MaskedLanguageLoss(torch.nn.Module):
        """Prediction of hidden tokens."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.language_model = language_model

        def forward(self, features: Any, labels: Any = None) -> torch.Tensor:
            """Mean loss of the hidden tokens; 0 in a batch without any."""
            (texts,) = features
            self.language_model.train(self.model.training)
            ids, wanted = hide.torch_mask_tokens(texts["input_ids"].cpu().clone())
            device = texts["input_ids"].device
            return masked_loss(
                self.language_model, ids.to(device), wanted.to(device), texts["attention_mask"]
            )

    return MaskedLanguageLoss()


def next_token_loss(model: Any, asked: str) -> Any:
    """Loss of a causal language model: cross entropy of each token by those before it.

    The encoder's own layers see no later token in it; in use they see all. The token that ends a text is not
    predicted: where a window of a text ends says nothing. `asked`: the option, in messages. Raises UsageError
    for an architecture without such a form.
    """
    import torch
    from transformers import AutoModelForCausalLM

    encoder = transformer_of(model, asked)
    config, kind = copy.deepcopy(encoder.config), type(encoder).__name__
    config.is_decoder = True
    try:
        language_model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError as e:
        raise UsageError(f"{asked}: {kind} has no causal form ({asked} 0: without)") from e
    _share_parameters(encoder, getattr(language_model, language_model.base_model_prefix))
    _share_words(encoder, language_model)
    end = model.tokenizer.sep_token_id

    class NextTokenLoss(torch.nn.Module):
        """Prediction of the next token."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.language_model = language_model

        def forward(self, features: Any, labels: Any = None) -> torch.Tensor:
            """Mean loss of the batch's tokens after the first."""
            (texts,) = features
            self.language_model.train(self.model.training)
            ids, mask = texts["input_ids"], texts["attention_mask"]
            logits = self.language_model(input_ids=ids, attention_mask=mask, use_cache=False)[0]
            wanted = ids.masked_fill((mask == 0) | (ids == end), IGNORED)[:, 1:]
            total = torch.nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1),
                wanted.flatten(),
                ignore_index=IGNORED,
                reduction="sum",
            )
            count: torch.Tensor = (wanted != IGNORED).sum().clamp(min=1)
            return total / count

    return NextTokenLoss()


def masked_loss(
    language_model: Any, ids: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Cross entropy of the tokens that are wanted, 0 without any. All (n, tokens); IGNORED where not."""
    import torch

    logits = language_model(input_ids=ids, attention_mask=mask)[0]
    total = torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), wanted.flatten(), ignore_index=IGNORED, reduction="sum"
    )
    return total / (wanted != IGNORED).sum().clamp(min=1)


def check_dropout(model: Any, text: str) -> None:
    """Raise UsageError if a text has the same vector twice in training: simcse has nothing to learn then."""
    import torch
    from sentence_transformers.util import batch_to_device

    was = model.training
    model.train()
    try:
        with torch.no_grad():
            features = batch_to_device(model.preprocess([text]), model.device)
            first, second = (model(dict(features))["sentence_embedding"] for _ in range(2))
    finally:
        model.train(was)
    if torch.equal(first, second):
        raise UsageError("--objective simcse: the model has no dropout (try tsdae or mlm)")


def transformer_of(model: Any, asked: str) -> Any:
    """Transformer of a SentenceTransformer. Raises UsageError without one, with the option `asked`."""
    found = getattr(model[0], "auto_model", None)
    if found is None:
        raise UsageError(f"{asked}: the model has no layers")
    return found


def _share_parameters(source: Any, target: Any) -> None:
    """Put the parameters of `source` in the place of those of the same names in `target`."""
    own = dict(source.named_parameters())
    for name, _ in list(target.named_parameters()):
        if name in own:
            place, _, last = name.rpartition(".")
            setattr(target.get_submodule(place), last, own[name])


def _share_words(encoder: Any, language_model: Any) -> None:
    """Predict words by the encoder's own word vectors, where the architecture does so."""
    if getattr(encoder.config, "tie_word_embeddings", True):
        language_model.get_output_embeddings().weight = encoder.get_input_embeddings().weight
