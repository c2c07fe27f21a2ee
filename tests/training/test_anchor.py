"""Anchors: the penalty and the importance of weights by their formulas."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qembed.training.anchor import anchored, fisher_diagonal

pytestmark = pytest.mark.slow


def line() -> Any:
    """A model of two weights and a frozen one."""
    import torch

    class Line(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = torch.nn.Parameter(torch.tensor([2.0, -1.0]))
            self.b = torch.nn.Parameter(torch.tensor(0.5))
            self.frozen = torch.nn.Parameter(torch.tensor(9.0), requires_grad=False)

        def forward(self, x: Any) -> Any:
            return x @ self.a + self.b + self.frozen

    return Line()


class Squared:
    """Mean squared error of a batch of features (n, 2) and labels (n,)."""

    def __init__(self, model: Any) -> None:
        self.model = model

    def __call__(self, x: Any, y: Any) -> Any:
        return ((self.model(x) - y) ** 2).mean()


def batches(n: int = 4) -> list[tuple[Any, Any]]:
    import torch

    rng = np.random.default_rng(1)
    return [
        (torch.tensor(rng.normal(size=(3, 2)), dtype=torch.float32),
         torch.tensor(rng.normal(size=3), dtype=torch.float32))
        for _ in range(n)
    ]  # fmt: skip


def test_the_penalty() -> None:
    import torch

    model = line()
    plain = Squared(model)
    module = anchored(plain, model, 3.0)
    x, y = batches(1)[0]
    assert module(x, y).item() == pytest.approx(plain(x, y).item())
    with torch.no_grad():
        model.a += torch.tensor([0.5, -1.0])
        model.b += 2.0
        model.frozen += 5.0  # not trained, so not held
    wanted = plain(x, y).item() + 1.5 * (0.25 + 1 + 4)
    assert module(x, y).item() == pytest.approx(wanted, rel=1e-6)
    with torch.no_grad():
        assert module(x, y).item() == pytest.approx(plain(x, y).item())
    module(x, y).backward()
    residual = (plain.model(x) - y).detach()
    gradient = 2 * (residual[:, None] * x).mean(dim=0) + 3.0 * torch.tensor([0.5, -1.0])
    np.testing.assert_allclose(model.a.grad.numpy(), gradient.numpy(), rtol=1e-5)


def test_importance_is_the_mean_square_of_gradients() -> None:
    model = line()
    found = fisher_diagonal(Squared(model), model, batches())
    squares = []
    for x, y in batches():
        residual = (model(x) - y).detach().numpy()
        a = (2 * residual[:, None] * x.numpy()).mean(axis=0)
        squares.append([*(a**2), (2 * residual).mean() ** 2])
    wanted = np.mean(squares, axis=0)
    wanted /= wanted.mean()
    assert set(found) == {"a", "b"}
    got = [*found["a"].tolist(), found["b"].item()]
    np.testing.assert_allclose(got, wanted, rtol=1e-4)
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_important_weights_cost_more() -> None:
    import torch

    model = line()
    importance = {"a": torch.tensor([3.0, 0.0]), "b": torch.tensor(0.0)}
    module = anchored(Squared(model), model, 2.0, importance)
    x, y = batches(1)[0]
    with torch.no_grad():
        model.a += torch.tensor([0.5, 7.0])
    wanted = Squared(model)(x, y).item() + 3.0 * 0.25
    assert module(x, y).item() == pytest.approx(wanted, rel=1e-6)


def test_where_nothing_has_a_gradient() -> None:
    model = line()
    found = fisher_diagonal(lambda x, y: (model(x) * 0).sum(), model, batches())
    assert all((f == 1).all() for f in found.values())
