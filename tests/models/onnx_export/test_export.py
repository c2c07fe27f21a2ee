"""The exporter itself: what cannot be traced, and graphs that give other numbers than torch."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models.onnx_export import graph, parity
from tests.models import reference

pytestmark = pytest.mark.slow


def test_an_exporter_that_raises(tmp_path: Path) -> None:
    """A module that torch.export cannot trace: what it does depends on what is in the tensor."""
    import torch

    class Choosing(torch.nn.Module):
        def forward(self, ids: Any, mask: Any) -> Any:
            return (ids, ids) if int(ids.sum()) % 2 else (mask * 2, mask)

    with pytest.raises(Exception, match=r"(?i)export"):
        graph.write_graph(Choosing(), ["input_ids", "attention_mask"], ["a", "b"], tmp_path)


def test_sums_and_norms_are_nodes_of_their_own(exports: Any) -> None:
    """As one node they take a twelfth of an encoder's time."""
    import onnx

    made = onnx.load(exports["mean-right"][1].folder / "model.onnx", load_external_data=False)
    kinds = {node.op_type for node in made.graph.node}
    assert "LayerNormalization" in kinds
    assert "SkipLayerNormalization" not in kinds


def test_a_graph_that_disagrees_is_refused() -> None:
    a = reference.unit(np.ones((2, 4), np.float32))
    parity.check_vectors(a, a)
    b = a.copy()
    b[1] = reference.unit(np.array([1, 1, 1, 1.02]))
    with pytest.raises(parity.ParityError, match=r"cosine 0\.9999"):
        parity.check_vectors(a, b)
    with pytest.raises(parity.ParityError, match=r"NaN|nan"):
        parity.check_vectors(a, np.full_like(a, np.nan))
    with pytest.raises(parity.ParityError, match="1 vectors where torch gives 2"):
        parity.check_vectors(a, a[:1])


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        ([0.1, -0.2], [0.1005, -0.2], None),  # below 1: a thousandth
        ([0.1, -0.2], [0.1011, -0.2], r"by 0\.0011"),
        ([12.0, -0.2], [12.005, -0.2], None),  # above: a thousandth of the largest
        ([12.0, -0.2], [12.0, -0.22], r"by 0\.02"),
        ([0.1, -0.2], [float("nan"), -0.2], "by nan"),
    ],
)
def test_how_far_scores_may_be(theirs: list[float], ours: list[float], message: str | None) -> None:
    """Of log-odds: what is allowed changes no probability by more than .00025."""
    with nullcontext() if message is None else pytest.raises(parity.ParityError, match=message):
        parity.check_scores(np.array(theirs), np.array(ours))
