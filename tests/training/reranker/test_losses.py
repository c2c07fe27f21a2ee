"""Losses of rerankers on small numbers, against their formulas in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.training.reranker.losses import LOSSES, WEIGHED, check_loss, make_loss

pytestmark = pytest.mark.slow
LOGITS = [[1.2, -0.3, 0.4, 2.0], [0.5, 0.7], [-1.0, 0.2, 0.1]]
GRADES = [[2.0, 0.0, 1.0, 0.0], [1.0, 0.0], [0.0, 1.0, 3.0]]


def module() -> Any:
    """A cross-encoder whose logit of a pair is the number that its text says."""
    import torch
    from sentence_transformers import CrossEncoder

    class Model(CrossEncoder):
        num_labels = 1
        device = torch.device("cpu")

        def __init__(self) -> None:
            torch.nn.Module.__init__(self)

        def preprocess(self, pairs: Any, **_: Any) -> Any:
            return {"x": torch.tensor([float(text) for _, text in pairs])}

        def forward(self, tokens: Any) -> Any:
            return {"scores": tokens["x"][:, None]}

    return Model()


def value(
    name: str, logits: Any = LOGITS, grades: Any = GRADES, weights: list[float] | None = None
) -> float:
    import torch

    loss = make_loss(name, module(), weighed=weights is not None)
    texts = [[str(x) for x in row] for row in logits]
    queries = [f"q{i}" for i in range(len(logits))]
    if name != "binary":
        inputs = [queries, texts, *([] if weights is None else [weights])]
        return float(loss(inputs, [torch.tensor(g) for g in grades]))
    pairs = [(q, t, g) for q, row, gs in zip(queries, texts, grades, strict=True)
             for t, g in zip(row, gs, strict=True)]  # fmt: skip
    labels = torch.tensor([float(g > 0) for _, _, g in pairs])
    return float(loss([[q for q, _, _ in pairs], [t for _, t, _ in pairs]], labels))


def ordered(logits: Any, grades: Any) -> list[tuple[float, float, float, float]]:
    """(s_i, s_j, y_i, y_j) of all pairs of one list with y_i > y_j."""
    return [
        (s, t, a, b)
        for row, ys in zip(logits, grades, strict=True)
        for s, a in zip(row, ys, strict=True)
        for t, b in zip(row, ys, strict=True)
        if a > b
    ]


def test_binary() -> None:
    s = np.array([x for row in LOGITS for x in row])
    y = np.array([float(g > 0) for row in GRADES for g in row])
    p = 1 / (1 + np.exp(-s))
    wanted = -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean()
    assert value("binary") == pytest.approx(wanted, rel=1e-5)


def test_ranknet() -> None:
    wanted = np.mean([np.log2(1 + np.exp(-(s - t))) for s, t, _, _ in ordered(LOGITS, GRADES)])
    assert value("ranknet") == pytest.approx(wanted, rel=1e-5)


def test_hinge() -> None:
    wanted = np.mean([max(0.0, 1 - (s - t)) for s, t, _, _ in ordered(LOGITS, GRADES)])
    assert value("hinge") == pytest.approx(wanted, rel=1e-6)
    assert value("hinge", [[3.0, 1.0]], [[1.0, 0.0]]) == 0
    assert value("hinge", [[3.0, 1.0]], [[1.0, 1.0]]) == 0  # nothing to tell apart


@pytest.mark.parametrize("name", WEIGHED)
def test_weights_of_lists(name: str) -> None:
    weights = [0.5, 2.0, 0.25]

    def of_gap(gap: float) -> float:
        return float(np.log2(1 + np.exp(-gap)) if name == "ranknet" else max(0.0, 1 - gap))

    wanted = np.mean([
        w * of_gap(s - t)
        for w, row, ys in zip(weights, LOGITS, GRADES, strict=True)
        for s, t, _, _ in ordered([row], [ys])
    ])  # fmt: skip
    assert value(name, weights=weights) == pytest.approx(wanted, rel=1e-5)
    # the library's, where it has the loss
    assert value(name, weights=[1.0, 1.0, 1.0]) == pytest.approx(value(name), rel=1e-6)


def test_lambda() -> None:
    """NDCG-Loss2++: log2(1 + exp(-(s_i - s_j))) weighed by (10 delta_ij + rho_ij) |G_i - G_j|."""
    losses = []
    for s, y in zip(map(np.array, LOGITS), map(np.array, GRADES), strict=True):
        discount = np.log2(2 + np.arange(len(s)))
        best = ((2.0 ** np.sort(y)[::-1] - 1) / discount).sum()
        gain = (2.0**y - 1) / best
        rank = np.empty(len(s), dtype=int)
        rank[np.argsort(-s)] = np.arange(len(s))
        for i in range(len(s)):
            for j in range(len(s)):
                if y[i] <= y[j]:
                    continue
                apart = abs(rank[i] - rank[j])
                delta = abs(1 / discount[apart - 1] - 1 / discount[apart])
                rho = abs(1 / discount[rank[i]] - 1 / discount[rank[j]])
                weight = (10 * delta + rho) * abs(gain[i] - gain[j])
                losses.append(weight * np.log2(1 + np.exp(-(s[i] - s[j]))))
    assert value("lambda") == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "binary"])
def test_lists_of_other_lengths_do_not_matter(name: str) -> None:
    """A list beside a longer one counts as by itself: the mean is over pairs, not over places."""
    parts = [value(name, [row], [ys]) for row, ys in zip(LOGITS, GRADES, strict=True)]
    sizes = [len(ordered([row], [ys])) for row, ys in zip(LOGITS, GRADES, strict=True)]
    assert value(name) == pytest.approx(np.average(parts, weights=sizes), rel=1e-5)


def test_names() -> None:
    for name in LOSSES:
        check_loss(name)
    with pytest.raises(UsageError, match="--loss mse: one of lambda, ranknet, hinge, binary"):
        check_loss("mse")
