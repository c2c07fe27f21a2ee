from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.feedback.learning.model import (
    LearnedModel,
    forget_popularity,
    model_path,
    read_model,
    write_model,
)


def test_a_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    model = LearnedModel({"a": 0.5, "b": 0.0}, "r1", {"pairs": 3})
    write_model(tmp_path, model, {"where is my parcel": {"x.md": 0.25}})
    found = read_model(tmp_path)
    assert found is not None
    assert (found.weights, found.recipe, found.learned) == (model.weights, "r1", {"pairs": 3})
    assert found.popularity("  Where is my PARCEL? ") == {"x.md": 0.25}
    assert found.popularity("parcel") == {}


def test_no_model_and_none_that_can_be_read(tmp_path: Path) -> None:
    assert read_model(tmp_path) is None
    write_model(tmp_path, LearnedModel({"a": 0.5}, "r1"), {})
    path = model_path(tmp_path)
    whole = path.read_bytes()
    for damaged in (
        b"",
        whole[:10],
        whole.replace(b"0.5", b'"x"'),
        whole.replace(b"order", b"oder"),
    ):
        path.write_bytes(damaged)
        assert read_model(tmp_path) is None
    path.unlink()
    path.mkdir()
    with pytest.raises(OSError, match="learned"):
        read_model(tmp_path)


def test_forgotten_queries_leave_the_model(tmp_path: Path) -> None:
    assert forget_popularity(tmp_path, ["a"]) == 0
    model = LearnedModel({"a": 0.5}, "r1", {"pairs": 3})
    write_model(tmp_path, model, {"refund": {"x.md": 0.25}, "invoice": {"y.md": 0.5}})
    assert forget_popularity(tmp_path, ["Refund?", "other"]) == 1
    found = read_model(tmp_path)
    assert found is not None
    assert (found.weights, found.recipe, found.learned) == (model.weights, "r1", {"pairs": 3})
    assert found.popularity("refund") == {}
    assert found.popularity("invoice") == {"y.md": 0.5}
    assert b"refund" not in model_path(tmp_path).read_bytes()


def test_contributions_add_up_to_scores_and_unknown_features_count_nothing() -> None:
    model = LearnedModel({"a": 2.0, "gone": 7.0}, "r")
    features = np.array([[1.0, 5.0], [3.0, -5.0]])
    parts = model.contributions(features, ("a", "new"))
    assert parts.tolist() == [[-2.0, 0.0], [2.0, 0.0]]
    assert model.contributions(np.zeros((0, 2)), ("a", "new")).shape == (0, 2)
