"""Stages of a training of sequences: prediction of hidden or of next units, then views drawn together.

Each stage goes on from the checkpoints of its own folder, and the next one begins with what it ends with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qembed.errors import UsageError
from qembed.models.library_logging import quiet
from qembed.pipeline.progress import Progress
from qembed.sequences.alphabet import Alphabet
from qembed.training.batches import epoch_batches
from qembed.training.encoder.losses import SCALE
from qembed.training.encoder.objectives import masked_language_loss, next_token_loss
from qembed.training.rows import Row
from qembed.training.sequence.augment import Viewer
from qembed.training.training_loop import TrainingData, TrainingOptions, run_training

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stages:
    """Epochs of masked prediction, of next-unit prediction and of views, one after the other; 0: without.

    `save_steps`: between checkpoints.
    """

    masked: int = 1
    next_unit: int = 0
    views: int = 4
    batch: int = 64
    learning_rate: float = 2e-3
    seed: int = 0
    save_steps: int | None = None

    def chosen(self) -> dict[str, int]:
        """Epochs of the stages that there are, by name, in order."""
        epochs = {"masked": self.masked, "next-unit": self.next_unit, "views": self.views}
        return {name: number for name, number in epochs.items() if number}

    def check(self) -> None:
        """Raise UsageError for options out of range."""
        for name, epochs in self.chosen().items():
            if epochs < 0:
                raise UsageError(f"--{name} {epochs}: at least 0")
        if not self.chosen():
            raise UsageError("--masked 0 --views 0, and no --next-unit: nothing is trained")
        self.options(1).check()

    def options(self, epochs: int) -> TrainingOptions:
        """Options of the training loop for a stage."""
        return TrainingOptions(
            loss="mnr",
            epochs=epochs,
            batch=self.batch,
            learning_rate=self.learning_rate,
            seed=self.seed,
            save_steps=self.save_steps,
        )


def window_rows(texts: Sequence[str], alphabet: Alphabet, longest: int) -> list[Row]:
    """Rows of a prediction of units: the sequences in windows of at most `longest` units, side by side."""
    rows = []
    for text in texts:
        starts, ends = alphabet.bounds(text)
        for at in range(0, len(starts), longest):
            end = min(at + longest, len(ends))
            rows.append(Row((text[starts[at] : ends[end - 1]],), _NONE, _NONE))
    return rows


def view_rows(texts: Sequence[str], viewer: Viewer, epochs: int, seed: int) -> list[Row]:
    """Rows of two views of each sequence, others for each epoch, one epoch behind the other."""
    import numpy as np

    rows = []
    for epoch in range(epochs):
        rng = np.random.default_rng([seed, epoch])
        for i, text in enumerate(texts):
            own = frozenset((str(i),))
            rows.append(Row((viewer.view(text, rng), viewer.view(text, rng)), own, own))
    return rows


def train_stage(
    model: Any, name: str, rows: Sequence[Row], stages: Stages, work: Path, progress: Progress
) -> dict[str, Any]:
    """Train one of the chosen stages. Returns and raises as run_training, and UsageError for a model.

    `work`: folder of all stages' checkpoints.
    """
    import torch
    from datasets import Dataset
    from sentence_transformers.sentence_transformer import losses

    with quiet():
        torch.manual_seed(stages.seed)
        epochs = stages.chosen()[name]
        lengths = [max(map(len, row.texts)) for row in rows]
        batches = epoch_batches(
            rows, lengths, stages.batch, epochs, stages.seed, fresh=name == "views"
        )
        module: Any
        if name == "masked":
            module = masked_language_loss(model, "--masked", "--masked 0: without")
        elif name == "next-unit":
            module = next_token_loss(model, "--next-unit")
        else:
            module = losses.MultipleNegativesRankingLoss(model, scale=SCALE)
        columns = {f"text_{i}": [r.texts[i] for r in rows] for i in range(len(rows[0].texts))}
        data = TrainingData(rows, Dataset.from_dict(columns))
        options = stages.options(epochs)
        folders = [work / n for n in ("masked", "next-unit", "views")]
        own = folders.index(work / name)
        later = folders[own + 1 :]
        return run_training(
            "encoder", model, module, data, batches, options, folders[own], progress, later
        )
