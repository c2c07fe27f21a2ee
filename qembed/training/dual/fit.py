"""Training of a pair: epochs of contrastive steps, a checkpoint after each, early stop on dev pairs.

A training that was killed goes on after its last checkpoint and gives the weights that it would have given:
what is drawn depends on the seed, the epoch and the step alone.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import StorageError, TrainingFailed
from qembed.pipeline.progress import Progress
from qembed.training.checkpoints import STATE, begin_or_resume, failed_write
from qembed.training.dual.augment import augmented
from qembed.training.dual.contrastive import FIRST_SCALE, MAX_SCALE, backward, contrastive_loss
from qembed.training.dual.pairs import Pictures
from qembed.training.dual.recall import search_by_text
from qembed.training.dual.split import PairSplit
from qembed.training.dual.towers import ImageSide, TextSide, opened
from qembed.training.early_stop import DEV_LOSS, is_over

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

PART = 128
"""Pairs that are computed at a time; a batch may hold more."""
WARMUP = 30
"""Steps in which the learning rate rises."""
WEIGHT_DECAY = 0.05
TEXT_RATE = 0.01
"""Learning rate of a text tower that learns too, as a share of the pictures'."""


@dataclass(frozen=True, slots=True)
class FitOptions:
    """Options of a training. `patience`: epochs without a better dev measure before it stops."""

    epochs: int = 12
    batch: int = 256
    learning_rate: float = 2e-3
    patience: int = 8
    seed: int = 0


class Fit:
    """Weights of a training with their optimizer, as they are saved and loaded."""

    def __init__(self, images: ImageSide, texts: TextSide, options: FitOptions) -> None:
        import torch

        self.images, self.texts, self.options = images, texts, options
        self.log_scale = torch.nn.Parameter(torch.tensor(math.log(FIRST_SCALE)))
        rate = options.learning_rate
        own = [p for p in images.tower.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in own if p.ndim > 1], "weight_decay": WEIGHT_DECAY, "rate": rate},
            {
                "params": [*(p for p in own if p.ndim <= 1), self.log_scale],
                "weight_decay": 0.0,
                "rate": rate,
            },
        ]
        if texts.trained is not None:
            theirs = list(texts.trained.parameters())
            groups.append({"params": theirs, "weight_decay": 0.01, "rate": rate * TEXT_RATE})
        self.optimizer = torch.optim.AdamW(groups, lr=rate)
        self.log: list[dict[str, Any]] = []
        self.best: dict[str, Any] = {}

    def weights(self) -> dict[str, Any]:
        """Copy of all weights by name."""
        found = {f"image.{n}": w for n, w in self.images.tower.state_dict().items()}
        if self.texts.trained is not None:
            found |= {f"text.{n}": w for n, w in self.texts.trained.state_dict().items()}
        found["log_scale"] = self.log_scale
        return {name: w.detach().clone() for name, w in found.items()}

    def load(self, weights: Mapping[str, Any]) -> None:
        """Set all weights."""
        import torch

        def part(prefix: str) -> dict[str, Any]:
            return {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}

        self.images.tower.load_state_dict(part("image."))
        if self.texts.trained is not None:
            self.texts.trained.load_state_dict(part("text."))
        with torch.no_grad():
            self.log_scale.copy_(weights["log_scale"])

    def save(self, work: Path, epoch: int) -> None:
        """Write a checkpoint, and remove those before it. Raises StorageError."""
        import torch
        from safetensors import SafetensorError
        from safetensors.torch import save_file

        folder = work / f"checkpoint-{epoch}"
        try:
            folder.mkdir(exist_ok=True)
            save_file(self.weights(), folder / "now.safetensors")
            save_file(self.best, folder / "best.safetensors")
            torch.save(self.optimizer.state_dict(), folder / "optimizer.pt")
            (folder / STATE).write_text(json.dumps({"epoch": epoch, "log_history": self.log}))
        except (OSError, SafetensorError, RuntimeError) as e:
            if (reason := failed_write(e)) is None:
                raise
            raise StorageError(f"{work}: {reason}; earlier checkpoints are kept") from e
        for old in work.glob("checkpoint-*"):
            if old != folder:
                shutil.rmtree(old, ignore_errors=True)

    def resume(self, folder: Path) -> int:
        """Load a checkpoint; returns the number of epochs that are done."""
        import torch
        from safetensors.torch import load_file

        body = json.loads((folder / STATE).read_text("utf-8"))
        self.load(load_file(folder / "now.safetensors"))
        self.best = load_file(folder / "best.safetensors")
        self.optimizer.load_state_dict(torch.load(folder / "optimizer.pt", weights_only=True))
        self.log = body["log_history"]
        return int(body["epoch"])


def fit(
    images: ImageSide,
    texts: TextSide,
    pictures: Pictures,
    split: PairSplit,
    options: FitOptions,
    key: dict[str, Any],
    work: Path,
    progress: Progress,
) -> dict[str, Any]:
    """Train both sides in place; returns {"steps", "epochs", "losses": [first, last], "dev", "resumed", …}.

    The weights at the end are those of the best epoch by the dev pairs. `key`: identity of the training.
    Raises StorageError, KeyboardInterrupt, TrainingFailed if the loss is no number.
    """
    state = Fit(images, texts, options)
    resume = begin_or_resume(work, key, progress.warn)
    done = 0 if resume is None else state.resume(Path(resume))
    size = min(options.batch, len(split.train))
    steps = len(split.train) // size
    progress.phase("train", "steps", steps * options.epochs)
    progress.advance(steps * done)
    while done < options.epochs and not is_over(state.log, options.patience):
        losses = _epoch(state, pictures, split.train, size, done, steps, progress)
        if not all(map(math.isfinite, losses)):
            raise TrainingFailed("the loss is no number (a smaller --lr)")
        done += 1
        dev = _dev(state, pictures, split.dev)
        earlier = [e[DEV_LOSS] for e in state.log]
        state.log.append({"loss": sum(losses) / len(losses), DEV_LOSS: -dev})
        if not earlier or -dev < min(earlier):
            state.best = state.weights()
        progress.note(f"loss {state.log[-1]['loss']:.3f}, dev {dev:.3f}")
        state.save(work, done)
    state.load(state.best)
    images.tower.eval()
    best = min(range(len(state.log)), key=lambda n: state.log[n][DEV_LOSS])
    return {
        "steps": steps * done,
        "epochs": done,
        "best_epoch": best + 1,
        "losses": [state.log[0]["loss"], state.log[-1]["loss"]],
        "dev": -state.log[best][DEV_LOSS],
        "scale": math.exp(float(state.log_scale.detach())),
        "resumed": resume is not None,
    }


def _epoch(
    state: Fit,
    pictures: Pictures,
    rows: list[int],
    size: int,
    epoch: int,
    steps: int,
    progress: Progress,
) -> list[float]:
    """Train one epoch; returns the loss of each step."""
    import numpy as np
    import torch

    order = np.random.default_rng([state.options.seed, epoch]).permutation(np.array(rows))
    losses = []
    for step in range(steps):
        number = epoch * steps + step
        batch = order[step * size : (step + 1) * size]
        rate = _rate(number, steps * state.options.epochs)
        for group in state.optimizer.param_groups:
            group["lr"] = group["rate"] * rate
        state.optimizer.zero_grad()
        losses.append(_step(state, pictures, batch, number))
        state.optimizer.step()
        with torch.no_grad():
            state.log_scale.clamp_(0, math.log(MAX_SCALE))
        progress.advance(1)
        if progress.stop():
            raise KeyboardInterrupt
    return losses


def _rate(step: int, steps: int) -> float:
    """Share of the highest learning rate: a rise, then half a cosine."""
    return min(1.0, (step + 1) / WARMUP) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _step(state: Fit, pictures: Pictures, batch: npt.NDArray[np.int64], number: int) -> float:
    """Compute gradients of one batch; returns its loss."""
    import torch

    generator = torch.Generator().manual_seed(state.options.seed * 1_000_003 + number)
    images, texts = state.images, state.texts
    pixels = opened(pictures.pixels[pictures.rows[batch]])
    given = images.normalised(augmented(pixels, generator))
    names = torch.from_numpy(texts.rows[batch])
    same = names[:, None] == names[None, :]
    images.tower.train()

    def by_tower(part: slice) -> Any:
        return torch.nn.functional.normalize(images.tower(given[part]))

    if texts.trained is None:
        fixed = texts.tensor(texts.rows[batch])
        return backward(
            [by_tower],
            len(batch),
            PART,
            lambda v: contrastive_loss(v, fixed, same, state.log_scale),
        )
    texts.trained.eval()  # without dropout: the same part gives the same vectors twice
    return backward(
        [by_tower, lambda part: texts.tensor(texts.rows[batch[part]])],
        len(batch),
        PART,
        lambda v, t: contrastive_loss(v, t, same, state.log_scale),
    )


def _dev(state: Fit, pictures: Pictures, rows: list[int]) -> float:
    """Mean reciprocal rank of the dev texts' first picture."""
    vectors = state.images.vectors(pictures.pixels[pictures.rows[rows]])
    names = [state.texts.names[i] for i in state.texts.rows[rows]]
    return search_by_text(vectors, state.texts.vectors(state.texts.rows[rows]), names).reciprocal
