"""Trainings of a tiny cross-encoder: each loss reaches a known order, a stop goes on, frozen parts stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import ModelUnavailable, UsageError
from qembed.pipeline.progress import Progress
from qembed.training.reranker.examples import make_rows
from qembed.training.reranker.losses import LOSSES, WEIGHED
from qembed.training.reranker.reranker_folder import load_trainable_reranker, score
from qembed.training.reranker.trainer import train_reranker_model
from qembed.training.training_loop import TrainingOptions
from tests.models import tiny
from tests.training.reranker.judged import examples

pytestmark = pytest.mark.slow

FAST = TrainingOptions(loss="lambda", epochs=8, batch=8, learning_rate=6e-3, freeze=-1)


def right_order(model: Any) -> float:
    """Share of pairs of new queries' texts whose better one has the higher score."""
    right: list[bool] = []
    for e in examples(30, seed=9):
        s = score(model, [(e.query, text) for text in e.texts])
        right += [
            bool(s[i] > s[j]) for i in range(5) for j in range(5) if e.grades[i] > e.grades[j]
        ]
    return float(np.mean(right))


@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_reaches_the_order(classifier: Path, tmp_path: Path, name: str) -> None:
    model, _ = load_trainable_reranker(str(classifier))
    assert right_order(model) < 0.7
    options = replace(FAST, loss=name, batch=32 if name == "binary" else 8)
    done = train_reranker_model(
        model, make_rows(examples(64), name), [], options, tmp_path / "work"
    )
    assert done["epochs"] == 8
    # two grades above 0 are one for `binary`
    assert right_order(model) > (0.8 if name == "binary" else 0.9)


@pytest.mark.parametrize("name", WEIGHED)
def test_the_heavier_of_two_contrary_preferences_is_learned(
    classifier: Path, tmp_path: Path, name: str
) -> None:
    right = examples(64)
    turned = [replace(e, query_id=f"-{e.query_id}", grades=e.grades[::-1]) for e in right]
    mixed = [*(replace(e, weight=1.0) for e in right), *(replace(e, weight=0.1) for e in turned)]
    model, _ = load_trainable_reranker(str(classifier))
    rows = make_rows(mixed, name)
    train_reranker_model(model, rows, [], replace(FAST, loss=name, epochs=4), tmp_path / "work")
    assert right_order(model) > 0.8


def weights(model: Any) -> dict[str, Any]:
    return {k: v.detach().numpy().copy() for k, v in model.state_dict().items()}


def test_a_stopped_training_goes_on_to_the_same_model(classifier: Path, tmp_path: Path) -> None:
    options = replace(FAST, epochs=2, freeze=1, save_steps=2)
    rows = make_rows(examples(24), "lambda")
    whole, _ = load_trainable_reranker(str(classifier))
    start = weights(whole)
    train_reranker_model(whole, rows, [], options, tmp_path / "whole")
    steps: list[int] = []
    stop = Progress(advance=steps.append, stop=lambda: len(steps) >= 3)
    model, _ = load_trainable_reranker(str(classifier))
    with pytest.raises(KeyboardInterrupt):
        train_reranker_model(model, rows, [], options, tmp_path / "work", stop)
    model, _ = load_trainable_reranker(str(classifier))
    done = train_reranker_model(model, rows, [], options, tmp_path / "work")
    assert (done["resumed"], done["steps"]) == (True, 6)
    moved = set()
    for name, value in weights(model).items():
        np.testing.assert_allclose(value, weights(whole)[name], atol=1e-6, err_msg=name)
        if not np.array_equal(value, start[name]):
            moved.add(name)
    assert not [n for n in moved if "embeddings" in n or ".layer.0." in n]
    assert any("classifier" in n for n in moved)
    assert any(".layer.1." in n for n in moved)


def test_what_cannot_be_trained(
    classifier: Path, models: tuple[Path, Path], tmp_path: Path
) -> None:
    for spec, message in (
        (str(models[0]), "no cross-encoder but a BertModel"),
        ("minilm", r"it gives vectors and scores no pairs \(minilm-l12 does\)"),
        ("late", "its weights are not here"),
        ("py:tests.encoders:shouting", "its weights are not here"),
        ("http://localhost:1/v1#x", "its weights are not here"),
        ("./none", "no such model folder"),
        (str(tiny.classifier(tmp_path / "three", labels=3)), "a classifier with 3 classes"),
    ):
        with pytest.raises(UsageError, match=message):
            load_trainable_reranker(spec)
    broken = tiny.copy(classifier, tmp_path / "broken")
    (broken / "model.safetensors").unlink()
    with pytest.raises(ModelUnavailable, match="no weights"):
        load_trainable_reranker(str(broken))
