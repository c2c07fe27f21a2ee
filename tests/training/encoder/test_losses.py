"""Losses on small tensors, against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.training.encoder.losses import LOSSES, check_teacher, loss_named, make_loss

pytestmark = pytest.mark.slow
SCALE = 20.0
rng = np.random.default_rng(3)
QUERY, POSITIVE, FIRST, SECOND = (rng.normal(size=(5, 8)) for _ in range(4))


def module() -> Any:
    import torch

    class Model(torch.nn.Module):
        def forward(self, features: Any) -> Any:
            return {"sentence_embedding": features["x"]}

        def get_embedding_dimension(self) -> int:
            return 8

    return Model()


def value(
    name: str,
    *texts: Any,
    labels: Any = None,
    dims: tuple[int, ...] = (),
    temperature: float | None = None,
) -> float:
    import torch

    loss = make_loss(loss_named(name), module(), 5, dims, temperature)
    features = [{"x": torch.tensor(t, dtype=torch.float64)} for t in texts]
    given = None if labels is None else torch.tensor(labels, dtype=torch.float64)
    return float(loss(features, given))


def cosines(a: Any, b: Any) -> Any:
    a = a / np.linalg.norm(a, axis=-1, keepdims=True)
    b = b / np.linalg.norm(b, axis=-1, keepdims=True)
    return a @ b.T


def paired(a: Any, b: Any) -> Any:
    return np.diag(cosines(a, b))


def cross_entropy(scores: Any, targets: Any) -> float:
    exp = np.exp(scores - scores.max(axis=1, keepdims=True))
    return float(-np.log(exp[np.arange(len(scores)), targets] / exp.sum(axis=1)).mean())


def test_mnr() -> None:
    scores = SCALE * cosines(QUERY, np.concatenate([POSITIVE, FIRST, SECOND]))
    found = value("mnr", QUERY, POSITIVE, FIRST, SECOND)
    assert found == pytest.approx(cross_entropy(scores, np.arange(5)), rel=1e-6)


def test_softmax() -> None:
    scores = SCALE * np.stack([paired(QUERY, p) for p in (POSITIVE, FIRST, SECOND)], axis=1)
    wanted = cross_entropy(scores, np.zeros(5, dtype=int))
    assert value("softmax", QUERY, POSITIVE, FIRST, SECOND) == pytest.approx(wanted, rel=1e-6)


def test_triplet() -> None:
    gap = paired(QUERY, POSITIVE) - paired(QUERY, FIRST)
    wanted = np.maximum(0, 0.2 - gap).mean()
    assert value("triplet", QUERY, POSITIVE, FIRST) == pytest.approx(wanted, rel=1e-6)


def test_cosine_and_cosent() -> None:
    labels = np.array([1.0, 0.0, 1.0, 0.0, 1.0])
    scores = paired(QUERY, POSITIVE)
    wanted = ((scores - labels) ** 2).mean()
    found = value("cosine", QUERY, POSITIVE, labels=labels)
    assert found == pytest.approx(wanted, rel=1e-6)
    pairs = [
        np.exp(SCALE * (scores[k] - scores[i]))
        for i in range(5)
        for k in range(5)
        if labels[i] > labels[k]
    ]
    found = value("cosent", QUERY, POSITIVE, labels=labels)
    assert found == pytest.approx(np.log(1 + sum(pairs)), rel=1e-6)


def test_margin_mse() -> None:
    labels = np.array([3.0, -1.0, 0.5, 2.0, 7.0])
    margin = SCALE * (paired(QUERY, POSITIVE) - paired(QUERY, FIRST))
    found = value("margin-mse", QUERY, POSITIVE, FIRST, labels=labels)
    assert found == pytest.approx(((margin - labels) ** 2).mean(), rel=1e-6)
    found = value("margin-mse", QUERY, POSITIVE, FIRST, labels=labels, temperature=2.5)
    assert found == pytest.approx(((margin - labels / 2.5) ** 2).mean(), rel=1e-6)


@pytest.mark.parametrize("temperature", [None, 0.3, 2.0])
def test_distill(temperature: float | None) -> None:
    teacher = np.random.default_rng(4).uniform(size=(5, 3))
    student = SCALE * np.stack([paired(QUERY, p) for p in (POSITIVE, FIRST, SECOND)], axis=1)
    wanted = np.exp(teacher / (temperature or 0.3))
    wanted /= wanted.sum(axis=1, keepdims=True)
    got = np.exp(student)
    got /= got.sum(axis=1, keepdims=True)
    kl = (wanted * (np.log(wanted) - np.log(got))).sum(axis=1).mean()
    found = value(
        "distill", QUERY, POSITIVE, FIRST, SECOND, labels=teacher, temperature=temperature
    )
    assert found == pytest.approx(kl, rel=1e-6)
    same = SCALE * np.stack([paired(QUERY, p) for p in (POSITIVE, FIRST)], axis=1) * 0.3
    assert value("distill", QUERY, POSITIVE, FIRST, labels=same) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["mnr", "softmax", "triplet"])
def test_matryoshka_is_the_sum_over_its_dimensions(name: str) -> None:
    texts = (QUERY, POSITIVE, FIRST)
    parts = [value(name, *(t[:, :dim] for t in texts)) for dim in (8, 5, 2)]
    assert value(name, *texts, dims=(5, 2)) == pytest.approx(sum(parts), rel=1e-6)


def test_a_teacher_and_its_temperature() -> None:
    check_teacher(loss_named("distill"), "late", 0.1)
    check_teacher(loss_named("mnr"), None, None)
    for name, teacher, temperature, message in (
        ("distill", None, None, "--loss distill wants --teacher SPEC"),
        ("mnr", "late", None, "--loss mnr has no use for one"),
        ("mnr", None, 0.1, "--temperature: --loss mnr learns from no teacher's scores"),
    ):
        with pytest.raises(UsageError, match=message):
            check_teacher(loss_named(name), teacher, temperature)


def test_names_and_dimensions() -> None:
    assert set(LOSSES) == {
        "mnr", "softmax", "triplet", "cosine", "cosent", "margin-mse", "distill",
    }  # fmt: skip
    with pytest.raises(UsageError, match="--loss mse: one of mnr, softmax"):
        loss_named("mse")
    with pytest.raises(UsageError, match="--matryoshka 16: the model has 8 dimensions"):
        make_loss(loss_named("mnr"), module(), 5, (16,))
