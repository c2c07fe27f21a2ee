"""t-SNE: near vectors stand near, the same each time; without openTSNE a message with the pip line."""

from __future__ import annotations

import numpy as np
import pytest

from qembed.errors import UsageError
from qembed.projection import neighbour_map as module


def test_groups_stand_apart_and_the_same_each_time() -> None:
    rng = np.random.default_rng(3)
    truth = np.repeat(np.arange(4), 20)
    vectors = (np.eye(4)[truth] * 6 + rng.normal(size=(80, 4))).astype(np.float32)
    vectors[1] = vectors[0]  # a copy
    done: list[int] = []
    places = module.neighbour_map(vectors, 5, done.append)
    assert sum(done) == module.ROUNDS
    assert places.shape == (80, 2)
    apart = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    assert (truth[apart.argmin(axis=1)] == truth).mean() > 0.95
    assert (module.neighbour_map(vectors, 5) == places).all()


def test_without_opentsne_the_pip_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'qembed-search\[map\]'; --method pca"):
        module.require_neighbour_map()
