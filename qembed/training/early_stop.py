"""Early stop: a training ends when the loss of rows that it does not train on has not fallen for a while.

What it goes by is the log of the training, which is in every checkpoint: a training that was killed stops
where it would have stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

DEV_LOSS = "eval_loss"
"""Loss on the dev rows, in the trainer's log."""


def is_over(log: Sequence[Mapping[str, Any]], patience: int) -> bool:
    """True if the last `patience` evaluations of a log have brought no lower loss than there was before."""
    best, since = math.inf, 0
    for entry in log:
        if DEV_LOSS in entry:
            lower = entry[DEV_LOSS] < best
            best, since = (entry[DEV_LOSS], 0) if lower else (best, since + 1)
    return since >= patience


def evaluations(patience: int, batches: int, save_steps: int | None) -> int:
    """Evaluations in `patience` epochs of so many batches, of which there is one at each checkpoint."""
    return patience if save_steps is None else max(1, math.ceil(patience * batches / save_steps))


def last_step(checkpoint: str, state: str, patience: int) -> int | None:
    """Step at which the training of a checkpoint was over, None if it was not. `state`: file of its log."""
    body = json.loads((Path(checkpoint) / state).read_text("utf-8"))
    return int(body["global_step"]) if is_over(body["log_history"], patience) else None


def early_stop(patience: int) -> Any:
    """Callback of a trainer that ends a training which is over."""
    from transformers import TrainerCallback

    class EarlyStop(TrainerCallback):
        """End of a training whose loss on the dev rows falls no more."""

        def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Look at the log, whose last entry is this evaluation's."""
            if is_over(state.log_history, patience):
                control.should_training_stop = True

    return EarlyStop()
