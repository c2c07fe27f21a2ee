"""Early stop: as transformers' own callback stops, but by the log alone; evaluations counted in epochs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qembed.training.checkpoints import STATE
from qembed.training.early_stop import evaluations, is_over, last_step


@pytest.mark.usefixtures("quietly")
@settings(deadline=None)  # the first example imports part of transformers
@given(st.lists(st.integers(0, 5), max_size=12), st.integers(1, 4))
def test_stops_where_transformers_does(losses: list[int], patience: int) -> None:
    from transformers import EarlyStoppingCallback

    theirs = EarlyStoppingCallback(patience)
    args = SimpleNamespace(metric_for_best_model="eval_loss", greater_is_better=False)
    state = SimpleNamespace(best_metric=None)
    control = SimpleNamespace(should_training_stop=False)
    log: list[dict[str, Any]] = []
    for loss in losses:
        log += [{"loss": 0.1}, {"eval_loss": loss}]
        theirs.on_evaluate(args, state, control, {"eval_loss": loss})
        state.best_metric = loss if state.best_metric is None else min(loss, state.best_metric)
        assert is_over(log, patience) == control.should_training_stop
        if control.should_training_stop:
            break


@pytest.mark.parametrize(
    ("batches", "save_steps", "wanted"),
    [(10, None, 2), (10, 10, 2), (10, 2, 10), (10, 3, 7), (10, 100, 1)],
)
def test_patience_is_of_epochs(batches: int, save_steps: int | None, wanted: int) -> None:
    assert evaluations(2, batches, save_steps) == wanted


def test_the_end_is_read_off_a_checkpoint(tmp_path: Path) -> None:
    log = [{"eval_loss": 1.0}, {"eval_loss": 2.0}]
    (tmp_path / STATE).write_text(json.dumps({"global_step": 7, "log_history": log}))
    assert last_step(str(tmp_path), STATE, 1) == 7
    assert last_step(str(tmp_path), STATE, 2) is None
