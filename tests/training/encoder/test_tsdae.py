"""The denoising objective: its formula, sentence-transformers' own loss, its noise."""

from __future__ import annotations

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.noise import delete_words
from qembed.training.encoder.objectives import (
    denoising_loss,
)
from tests.training.encoder.conftest import DAMAGED, WHOLE, features

pytestmark = pytest.mark.slow


class Lengthen(torch.nn.Module):
    """Last module of a reference: vectors as long as the states of a layer."""

    def forward(self, features: Any) -> Any:
        vector = features["sentence_embedding"]
        unit = torch.nn.functional.normalize(vector, dim=-1)
        return {**features, "sentence_embedding": unit * math.sqrt(vector.shape[-1])}


def reference(folder: Path, ours: Any) -> Any:
    """sentence-transformers' loss of the model in a folder, with the new layers of our decoder."""
    from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss

    other, _ = load_trainable(str(folder))
    other.append(Lengthen())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = DenoisingAutoEncoderLoss(other)
    shared = {id(p) for p in ours.model.parameters()}
    new = {n: p for n, p in ours.decoder.named_parameters() if id(p) not in shared}
    assert any("crossattention" in n for n in new)
    with torch.no_grad():
        for name, value in theirs.decoder.named_parameters():
            if name in new:
                value.copy_(new[name])
    return theirs.eval()


def test_tsdae_equals_sentence_transformers(teachable: Path, model: Any) -> None:
    ours = denoising_loss(model).eval()
    theirs = reference(teachable, ours)
    losses = []
    for loss, encoder in ((ours, ours.model), (theirs, theirs.encoder)):
        value = loss([features(encoder, DAMAGED), features(encoder, WHOLE)], None)
        value.backward()
        losses.append(value.item())
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    inner = dict(theirs.encoder[0].auto_model.named_parameters())
    for name, weight in model[0].auto_model.named_parameters():
        if weight.grad is not None:
            torch.testing.assert_close(weight.grad, inner[name].grad, atol=1e-6, rtol=1e-4)
    assert model[0].auto_model.encoder.layer[0].attention.self.query.weight.grad.abs().sum() > 0


def test_the_decoder_begins_with_the_weights_in_memory(
    teachable: Path, model: Any, tmp_path: Path
) -> None:
    torch.manual_seed(3)
    before = denoising_loss(model).eval()
    batch = [features(model, DAMAGED), features(model, WHOLE)]
    first = before([dict(f) for f in batch], None).item()
    with torch.no_grad():
        for weight in model[0].auto_model.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    torch.manual_seed(3)
    ours = denoising_loss(model).eval()
    found = ours([dict(f) for f in batch], None).item()
    assert abs(found - first) > 0.01
    model.save_pretrained(str(tmp_path / "changed"))
    theirs = reference(tmp_path / "changed", ours)
    wanted = theirs([features(theirs.encoder, DAMAGED), features(theirs.encoder, WHOLE)], None)
    assert found == pytest.approx(wanted.item(), rel=1e-6)
    # one set of weights: a step of the encoder is one of the decoder
    inner = ours.decoder.bert.encoder.layer[1].output.dense.weight
    assert inner is model[0].auto_model.encoder.layer[1].output.dense.weight
    words = model[0].auto_model.get_input_embeddings().weight
    assert ours.decoder.get_output_embeddings().weight is words


def test_tsdae_is_the_cross_entropy_of_each_next_token(model: Any) -> None:
    ours = denoising_loss(model).eval()
    whole = features(model, WHOLE)
    with torch.no_grad():
        found = ours([features(model, DAMAGED), dict(whole)], None).item()
        vectors = model(features(model, DAMAGED))["sentence_embedding"]
        terms = []
        for i in range(len(WHOLE)):  # one text and one token at a time, without padding
            ids = whole["input_ids"][i][whole["attention_mask"][i] == 1]
            state = vectors[i] / vectors[i].norm() * math.sqrt(len(vectors[i]))
            for n in range(1, len(ids)):
                logits = ours.decoder(
                    input_ids=ids[None, :n], encoder_hidden_states=state[None, None]
                ).logits[0, -1]
                terms.append(-float(torch.log_softmax(logits, -1)[ids[n]]))
    assert found == pytest.approx(np.mean(terms), rel=1e-5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one two three four five six", 6),
        ("word", 1),
        ("", 1),
        ("火星是红色的行星。", 9),
        ("a\n b", 2),
    ],
)
def test_deletion_noise(text: str, words: int) -> None:
    kept = []
    for seed in range(300):
        left = delete_words(text, np.random.default_rng(seed))
        rest = iter(text)
        assert all(c in rest for c in left)  # in order
        assert bool(left) == bool(text)
        kept.append(len(left.replace(" ", "").replace("\n", "")))
        assert left == delete_words(text, np.random.default_rng(seed))
    if words > 5:
        letters = len(text.replace(" ", ""))
        assert np.mean(kept) / letters == pytest.approx(0.4, abs=0.06)
