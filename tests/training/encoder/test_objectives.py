"""Objectives without labels against their formulas: masked words, next tokens, pairs under dropout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qembed.errors import UsageError
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.losses import OBJECTIVES, make_loss
from qembed.training.encoder.objectives import (
    IGNORED,
    MASKED,
    check_dropout,
    denoising_loss,
    masked_language_loss,
    masked_loss,
    next_token_loss,
)
from tests.models import tiny
from tests.training.encoder.conftest import WHOLE, features

pytestmark = pytest.mark.slow


def test_mlm(model: Any) -> None:
    ours = masked_language_loss(model).eval()
    assert ours.language_model.bert is model[0].auto_model
    texts = features(model, WHOLE)
    hidden = torch.zeros_like(texts["input_ids"], dtype=torch.bool)
    hidden[0, 2] = hidden[1, 3] = True
    wanted = texts["input_ids"].masked_fill(~hidden, IGNORED)
    ids = texts["input_ids"].masked_fill(hidden, model.tokenizer.mask_token_id)
    with torch.no_grad():
        found = masked_loss(ours.language_model, ids, wanted, texts["attention_mask"]).item()
        output = ours.language_model(
            input_ids=ids, attention_mask=texts["attention_mask"], labels=wanted
        )
        rows = torch.log_softmax(output.logits, -1)
        terms = [-float(rows[i, n, wanted[i, n]]) for i, n in ((0, 2), (1, 3))]
        nothing = torch.full_like(wanted, IGNORED)
        assert masked_loss(ours.language_model, ids, nothing, texts["attention_mask"]).item() == 0
    assert found == pytest.approx(np.mean(terms), rel=1e-5)
    assert found == pytest.approx(output.loss.item(), rel=1e-5)


def test_mlm_hides_its_share_of_the_words(model: Any) -> None:
    ours = masked_language_loss(model)
    seen: list[Any] = []

    def predict(input_ids: Any, attention_mask: Any) -> Any:
        seen.append(input_ids)
        return ours_inner(input_ids=input_ids, attention_mask=attention_mask)

    ours_inner = ours.language_model.forward
    ours.language_model.forward = predict
    texts = features(model, WHOLE * 200)
    ours([dict(texts)], None)
    changed = seen[0] != texts["input_ids"]
    special = texts["input_ids"] < 5
    assert not changed[special].any()
    # of the hidden ones a tenth stay as they are
    assert changed[~special].float().mean() == pytest.approx(0.9 * MASKED, abs=0.02)


def test_next_tokens(model: Any) -> None:
    """Cross entropy of one token at a time, by a model that has read those before it and no others."""
    ours = next_token_loss(model, "--next-unit").eval()
    assert ours.language_model.bert.encoder.layer[0].output.dense.weight is (
        model[0].auto_model.encoder.layer[0].output.dense.weight
    )
    texts = features(model, WHOLE)
    terms = []
    with torch.no_grad():
        found = ours([dict(texts)], None).item()
        for row, mask in zip(texts["input_ids"], texts["attention_mask"], strict=True):
            ids = row[mask == 1]
            for n in range(1, len(ids) - 1):  # the last one ends the text
                logits = ours.language_model(input_ids=ids[None, :n]).logits[0, -1]
                terms.append(-float(torch.log_softmax(logits, -1)[ids[n]]))
    assert found == pytest.approx(np.mean(terms), rel=1e-5)
    assert not model[0].auto_model.config.is_decoder  # in use it reads both sides


def test_simcse(model: Any) -> None:
    """InfoNCE of two passes under dropout."""
    model.train()
    loss = make_loss(OBJECTIVES["simcse"], model, 3)
    torch.manual_seed(5)
    found = loss([features(model, WHOLE), features(model, WHOLE)], None).item()
    torch.manual_seed(5)
    one, two = (
        model(features(model, WHOLE))["sentence_embedding"].detach().numpy() for _ in range(2)
    )
    assert not np.array_equal(one, two)
    scores = (
        20
        * (one / np.linalg.norm(one, axis=1)[:, None])
        @ (two / np.linalg.norm(two, axis=1)[:, None]).T
    )
    wanted = np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)
    assert found == pytest.approx(wanted.mean(), rel=1e-4)


def test_models_that_cannot_be_trained_so(model: Any, tmp_path: Path) -> None:
    model.eval()
    check_dropout(model, WHOLE[0])
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "dropout_prob"):
            module.dropout_prob = 0.0
    model[0].auto_model.config.attention_probs_dropout_prob = 0.0
    with pytest.raises(UsageError, match="the model has no dropout"):
        check_dropout(model, WHOLE[0])
    assert not model.training
    causal = tiny.saved(tiny.qwen(tmp_path / "bare", "left"), tmp_path / "qwen", "lasttoken")
    other, _ = load_trainable(str(causal))
    with pytest.raises(UsageError, match="tsdae: Qwen3Model has no cross-attention"):
        denoising_loss(other)
    with pytest.raises(UsageError, match="mlm: the tokenizer has no mask"):
        masked_language_loss(other)
