"""Dropout of attention weights is left out whatever the architecture; that of states stays."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from qembed.training.trained_parts import leave_out_attention_dropout

pytestmark = pytest.mark.slow
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 50}
DISTIL = {
    "dim": 32,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dim": 64,
    "vocab_size": 50,
    "dropout": 0.0,
}
CASES = {
    "bert": (SIZE, "attention_probs_dropout_prob", "hidden_dropout_prob"),
    "roberta": (SIZE, "attention_probs_dropout_prob", "hidden_dropout_prob"),
    "electra": (SIZE, "attention_probs_dropout_prob", "hidden_dropout_prob"),
    "mpnet": (SIZE, "attention_probs_dropout_prob", "hidden_dropout_prob"),
    "distilbert": (DISTIL, "attention_dropout", "dropout"),
}


def random_model(kind: str, attention: float, states: float) -> Any:
    from transformers import AutoConfig, AutoModel

    size, of_attention, of_states = CASES[kind]
    config = AutoConfig.for_model(kind, **{**size, of_attention: attention, of_states: states})
    torch.manual_seed(0)
    return AutoModel.from_config(config).train()


def is_random(model: Any) -> bool:
    ids = torch.arange(1, 21).reshape(2, 10)
    with torch.no_grad():
        return not torch.equal(model(ids)[0], model(ids)[0])


@pytest.mark.parametrize("kind", CASES)
def test_attention_alone(kind: str) -> None:
    model = random_model(kind, 0.5, 0.0)
    assert is_random(model)
    leave_out_attention_dropout(model)
    assert not is_random(model)


@pytest.mark.parametrize("kind", CASES)
def test_states_keep_theirs(kind: str) -> None:
    model = random_model(kind, 0.5, 0.5)
    leave_out_attention_dropout(model)
    assert is_random(model)
