"""Objectives without labels: the formula, sentence-transformers' own loss, and the weights in memory."""

from __future__ import annotations

import itertools
import math
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qembed.errors import UsageError
from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.training.adapting.training_rows import objective_rows
from qembed.training.encoder.encoder_folder import encode, load_trainable
from qembed.training.encoder.losses import OBJECTIVES, make_loss
from qembed.training.encoder.noise import delete_words
from qembed.training.encoder.objectives import (
    IGNORED,
    MASKED,
    check_dropout,
    denoising_loss,
    masked_language_loss,
    masked_loss,
    next_token_loss,
)
from qembed.training.encoder.trainer import train
from qembed.training.judging import mean_cosine
from qembed.training.rows import Row
from qembed.training.training_loop import TrainingOptions
from tests.models import tiny
from tests.training.planted import TOPICS

pytestmark = pytest.mark.slow
WHOLE = ["the quick brown fox jumps over the lazy dog", "mars is the red planet", "it rains"]
DAMAGED = ["quick fox lazy", "red planet", "it rains"]


@pytest.fixture
def model(teachable: Path) -> Any:
    return load_trainable(str(teachable))[0]


class Lengthen(torch.nn.Module):
    """Last module of a reference: vectors as long as the states of a layer."""

    def forward(self, features: Any) -> Any:
        vector = features["sentence_embedding"]
        unit = torch.nn.functional.normalize(vector, dim=-1)
        return {**features, "sentence_embedding": unit * math.sqrt(vector.shape[-1])}


def features(model: Any, texts: list[str]) -> Any:
    return model.preprocess(texts)


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


def adapted_rows(name: str, epochs: int) -> list[Row]:
    texts = [f"{a} {b} {n}" for n in range(3) for a, b in zip(WHOLE * 4, DAMAGED * 4, strict=True)]
    if name == "mlm":
        return [Row((t,), frozenset(), frozenset()) for t in texts]
    if name == "simcse":
        return [Row((t, t), frozenset([t]), frozenset([t])) for t in texts]
    found = []
    for epoch in range(epochs):
        rng = np.random.default_rng(epoch)
        found += [Row((delete_words(t, rng), t), frozenset(), frozenset()) for t in texts]
    return found


def weights(model: Any) -> dict[str, Any]:
    return {k: v.detach().numpy().copy() for k, v in model.state_dict().items()}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_stopped_training_goes_on_as_if_it_had_not_been(
    teachable: Path, tmp_path: Path, name: str
) -> None:
    options = TrainingOptions(epochs=2, batch=6, learning_rate=1e-3, save_steps=2)
    rows = adapted_rows(name, 2)
    whole, _ = load_trainable(str(teachable))
    names = set(whole.state_dict())
    start = weights(whole)
    done = train(whole, OBJECTIVES[name], rows, [], options, tmp_path / "whole")
    assert set(whole.state_dict()) == names  # nothing of the decoder stays
    assert done["losses"][1] < done["losses"][0]
    steps: list[int] = []
    stop = Progress(advance=steps.append, stop=lambda: len(steps) >= 3)
    half, _ = load_trainable(str(teachable))
    with pytest.raises(KeyboardInterrupt):
        train(half, OBJECTIVES[name], rows, [], options, tmp_path / "half", stop)
    again, _ = load_trainable(str(teachable))
    resumed = train(again, OBJECTIVES[name], rows, [], options, tmp_path / "half")
    assert resumed["resumed"]
    assert resumed["losses"] == pytest.approx(done["losses"], rel=1e-4)
    moved = 0.0
    for key, value in weights(whole).items():
        np.testing.assert_allclose(weights(again)[key], value, atol=1e-5, err_msg=key)
        moved += float(np.abs(value - start[key]).sum())
    assert moved > 0
    # ended, but killed before the model was written
    twice, _ = load_trainable(str(teachable))
    ended = train(twice, OBJECTIVES[name], rows, [], options, tmp_path / "half")
    assert ended["steps"] == done["steps"]
    np.testing.assert_allclose(weights(twice)[key], weights(again)[key], atol=1e-6)


GROUPS = [TOPICS[4 * i : 4 * i + 4] for i in range(4)]


def grouped_texts() -> list[str]:
    """Texts each of which has words of one group."""
    rng = random.Random(0)
    texts = []
    for i in range(240):
        words = rng.sample(GROUPS[i % 4], 3)
        texts.append(" ".join([*words, *rng.choices(words, k=3)]))
    return list(dict.fromkeys(texts))


def groups_apart(model: Any) -> float:
    """Share of (pair of words of a group, pair of two groups) of which the first has the higher cosine."""
    vectors = encode(model, TOPICS)
    cosines = vectors @ vectors.T
    pairs = list(itertools.combinations(range(16), 2))
    own = [cosines[i, j] for i, j in pairs if i // 4 == j // 4]
    other = [cosines[i, j] for i, j in pairs if i // 4 != j // 4]
    return float(np.mean([a > b for a in own for b in other]))


@pytest.mark.parametrize("name", ["tsdae", "mlm"])
def test_words_that_go_together_come_together(teachable: Path, tmp_path: Path, name: str) -> None:
    model, _ = load_trainable(str(teachable))
    assert groups_apart(model) < 0.6
    options = TrainingOptions(epochs=10, batch=16, learning_rate=3e-3, freeze=-1)
    rows = objective_rows(name, grouped_texts(), open_model(str(teachable)).profile, 10, 0)
    train(model, OBJECTIVES[name], rows, [], options, tmp_path / "work")
    assert groups_apart(model) > 0.9


def test_simcse_sets_texts_apart(teachable: Path, tmp_path: Path) -> None:
    model, _ = load_trainable(str(teachable))
    texts = grouped_texts()[:96]
    before = mean_cosine(encode(model, texts))
    options = TrainingOptions(epochs=4, batch=16, learning_rate=1e-3, freeze=-1)
    rows = objective_rows("simcse", texts, open_model(str(teachable)).profile, 4, 0)
    done = train(model, OBJECTIVES["simcse"], rows, [], options, tmp_path / "work")
    assert mean_cosine(encode(model, texts)) < before - 0.1
    assert done["losses"][1] < done["losses"][0] / 2
