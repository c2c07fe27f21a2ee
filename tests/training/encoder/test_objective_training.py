"""Training by objectives without labels: a stopped one goes on, and what a model learns."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.training.adapting.training_rows import objective_rows
from qembed.training.encoder.encoder_folder import encode, load_trainable
from qembed.training.encoder.losses import OBJECTIVES
from qembed.training.encoder.noise import delete_words
from qembed.training.encoder.trainer import train
from qembed.training.judging import mean_cosine
from qembed.training.rows import Row
from qembed.training.training_loop import TrainingOptions
from tests.training.encoder.conftest import DAMAGED, WHOLE
from tests.training.planted import TOPICS

pytestmark = pytest.mark.slow


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
