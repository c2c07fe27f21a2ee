"""The contrastive loss and its gradients in parts, against sums written out; measures against naive ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from qembed.training.dual.recall import nearest_of_group, search_by_text
from qembed.vectors import normalize

pytestmark = pytest.mark.slow


def naive_loss(images: Any, texts: Any, same: Any, scale: float) -> float:
    n = len(images)
    total = 0.0
    for a, b, matched in ((images, texts, same), (texts, images, same.T)):
        for i in range(n):
            odds = [math.exp(scale * float(a[i] @ b[j])) for j in range(n)]
            right = [j for j in range(n) if matched[i, j]]
            total -= sum(math.log(odds[j] / sum(odds)) for j in right) / len(right)
    return total / (2 * n)


def test_loss_of_both_directions_where_pairs_share_a_text() -> None:
    import torch

    from qembed.training.dual.contrastive import contrastive_loss

    rng = np.random.default_rng(0)
    images, texts = normalize(rng.normal(size=(6, 5))), normalize(rng.normal(size=(6, 5)))
    names = np.array([0, 1, 2, 1, 3, 3])
    texts = texts[names]
    same = names[:, None] == names[None, :]
    found = contrastive_loss(
        torch.from_numpy(images),
        torch.from_numpy(texts),
        torch.from_numpy(same),
        torch.tensor(math.log(7.0)),
    )
    assert float(found) == pytest.approx(naive_loss(images, texts, same, 7.0), rel=1e-5)


@pytest.mark.parametrize("part", [4, 5, 11])
def test_gradients_in_parts_are_those_of_the_whole_batch(part: int) -> None:
    import torch

    from qembed.training.dual.contrastive import backward, contrastive_loss

    torch.manual_seed(0)
    pictures, words = torch.randn(11, 8), torch.randn(11, 6)
    towers = [torch.nn.Sequential(torch.nn.Linear(n, 9), torch.nn.Tanh()) for n in (8, 6)]
    scale = torch.nn.Parameter(torch.tensor(2.0))
    same = torch.eye(11, dtype=torch.bool)

    def loss(a: Any, b: Any) -> Any:
        return contrastive_loss(a, b, same, scale)

    def grads(size: int) -> tuple[float, list[Any]]:
        weights = [*towers[0].parameters(), *towers[1].parameters(), scale]
        for weight in weights:
            weight.grad = None
        value = backward(
            [
                lambda s: torch.nn.functional.normalize(towers[0](pictures[s])),
                lambda s: torch.nn.functional.normalize(towers[1](words[s])),
            ],
            11,
            size,
            loss,
        )
        return value, [weight.grad.clone() for weight in weights]

    whole, wanted = grads(100)
    value, found = grads(part)
    assert value == pytest.approx(whole, rel=1e-6)
    for ours, theirs in zip(found, wanted, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_search_by_text_and_neighbours() -> None:
    rng = np.random.default_rng(1)
    images = normalize(rng.normal(size=(40, 6)))
    captions = [f"text {i // 2}" for i in range(40)]
    vectors = normalize(rng.normal(size=(20, 6)))
    texts = np.repeat(vectors, 2, axis=0)
    found = search_by_text(images, texts, captions)
    shares, ranks = [], []
    for i in range(20):
        order = sorted(range(40), key=lambda j: -float(vectors[i] @ images[j]))
        places = [order.index(j) for j in (2 * i, 2 * i + 1)]
        shares.append(sum(p < 10 for p in places) / 2)
        ranks.append(1 / (min(places) + 1))
    assert [found.values[f"text {i}"] for i in range(20)] == shares
    assert found.reciprocal == pytest.approx(np.mean(ranks))
    assert found.chance == 0.25
    groups = [0] * 20 + [1] * 19 + [2]
    right = []
    for i in range(39):  # the last one's group has no other
        near = max((j for j in range(40) if j != i), key=lambda j: float(images[i] @ images[j]))
        right.append(groups[near] == groups[i])
    near_ones = nearest_of_group(images, groups)
    assert near_ones[:39].tolist() == right
    assert np.isnan(near_ones[39])
