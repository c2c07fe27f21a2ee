"""Training through the trainers of sentence-transformers: resumable, told, stopped where it is asked to.

<out>.training/       checkpoints of a training that goes on or was stopped; removed at its end
    settings.json     what is trained; another training begins anew, and says so
    checkpoint-<n>/   model or its adapters, weights of the loss, optimizer, position
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from qembed.errors import StorageError, TrainingFailed, UsageError
from qembed.pipeline.progress import Progress
from qembed.training.anchor import AnchorBy
from qembed.training.batches import EpochBatches
from qembed.training.checkpoints import (
    STATE,
    begin_or_resume,
    failed_write,
    load_adapters,
    load_loss_weights,
    save_adapters,
    save_loss_weights,
    training_key,
)
from qembed.training.early_stop import early_stop, evaluations, last_step
from qembed.training.rows import Row
from qembed.training.trained_parts import ALL

Kind = Literal["encoder", "reranker"]


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Options of a training.

    `batch`: rows a step. `freeze`: lowest layers that stay as they are, with the embeddings; ALL for none.
    `lora`: rank of LoRA adapters, 0 for none. `dims`: dimensions of matryoshka. `max_tokens`: of a text, None
    for the model's. `save_steps`: steps between two checkpoints, None for each epoch. `patience`: epochs
    without a lower loss on the dev rows before it stops. `anchor`: strength of the penalty of leaving the
    first weights, 0 for none, by `anchor_by`. `temperature`: divides a teacher's scores, None for the loss's
    own.
    """

    loss: str = "mnr"
    epochs: int = 2
    batch: int = 16
    learning_rate: float = 2e-5
    warmup: float = 0.1
    seed: int = 0
    freeze: int = 0
    lora: int = 0
    dims: tuple[int, ...] = ()
    max_tokens: int | None = None
    save_steps: int | None = None
    patience: int = 2
    anchor: float = 0.0
    anchor_by: AnchorBy = "distance"
    temperature: float | None = None

    def check(self) -> None:
        """Raise UsageError for options out of range."""
        for name, value, ok in (
            ("epochs", self.epochs, self.epochs >= 1),
            ("batch", self.batch, self.batch >= 2),
            ("lr", self.learning_rate, 0 < self.learning_rate < 1),
            ("freeze", self.freeze, self.freeze >= ALL),
            ("lora", self.lora, self.lora >= 0),
            ("anchor", self.anchor, 0 <= self.anchor < math.inf),
            (
                "temperature",
                self.temperature,
                self.temperature is None or 0 < self.temperature < math.inf,
            ),
            ("save-steps", self.save_steps, self.save_steps is None or self.save_steps >= 1),
        ):
            if not ok:
                raise UsageError(f"--{name} {value}: out of range")
        if self.anchor and self.lora:
            raise UsageError("--anchor or --lora: adapters leave the weights where they are")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Rows, and their data sets of sentence-transformers.

    `dev`: for the early stop, None for none. `old`: rows of earlier trainings, for an anchor.
    """

    rows: Sequence[Row]
    train: Any
    dev: Any = None
    old: Sequence[Row] = ()


def run_training(
    kind: Kind,
    model: Any,
    loss: Any,
    data: TrainingData,
    batches: EpochBatches,
    options: TrainingOptions,
    work: Path,
    progress: Progress,
    later: Sequence[Path] = (),
) -> dict[str, Any]:
    """Train the model in place; returns {"steps", "epochs", "losses": [first, last], "resumed"}.

    `loss`: a module of the model. `work`: folder of checkpoints; a training of the same settings goes on from
    the last one there. `later`: see begin_or_resume. Raises StorageError, KeyboardInterrupt, TrainingFailed
    if the loss is no number.
    """
    from safetensors import SafetensorError
    from transformers import PrinterCallback

    trainer_class, arguments_class = _classes(kind, work, adapters=options.lora > 0)
    key = training_key(model, [*data.rows, *data.old], asdict(options))
    resume = begin_or_resume(work, key, progress.warn, later)
    watcher = _watcher(progress, len(batches) * options.epochs)
    dev = data.dev is not None
    patience = evaluations(options.patience, len(batches), options.save_steps)
    arguments = _arguments(options, batches, work, dev)
    if dev and resume and (over := last_step(resume, STATE, patience)):
        arguments["max_steps"] = over  # stopped early, and killed before the model was written
    trainer = trainer_class(
        model=model,
        args=arguments_class(**arguments),
        train_dataset=data.train,
        eval_dataset=data.dev,
        loss=loss,
        callbacks=[watcher, *([early_stop(patience)] if dev else [])],
    )
    trainer.remove_callback(PrinterCallback)  # it prints each step
    try:
        trainer.train(resume_from_checkpoint=resume)
    except (OSError, SafetensorError, RuntimeError) as e:
        if (reason := failed_write(e)) is None:
            raise
        raise StorageError(f"{work}: {reason}; earlier checkpoints are kept") from e
    if watcher.stopped:
        raise KeyboardInterrupt
    model.eval()
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    if not losses or not all(math.isfinite(x) for x in losses):
        raise TrainingFailed("the loss is no number (a smaller --lr, or other labels)")
    return {
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "losses": [losses[0], losses[-1]],
        "resumed": resume is not None,
    }


def _arguments(
    options: TrainingOptions, batches: EpochBatches, work: Path, dev: bool
) -> dict[str, Any]:
    by = "steps" if options.save_steps else "epoch"
    return {
        "output_dir": str(work),
        "num_train_epochs": options.epochs,
        "per_device_train_batch_size": options.batch,
        "per_device_eval_batch_size": options.batch,
        "learning_rate": options.learning_rate,
        "warmup_steps": options.warmup,
        "seed": options.seed,
        "data_seed": options.seed,
        "batch_sampler": batches,  # called with the data set, it is its own sampler
        "save_strategy": by,
        "save_steps": options.save_steps or 500,
        "save_total_limit": 2,
        "eval_strategy": by if dev else "no",
        "eval_steps": options.save_steps or 500,
        "load_best_model_at_end": dev,
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "logging_strategy": "steps",
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


def _classes(kind: Kind, work: Path, *, adapters: bool) -> tuple[Any, Any]:
    """Trainer whose checkpoints hold the weights of the loss too, and its arguments.

    `adapters`: of the model, they hold its adapters alone, which nothing else loads.
    """
    base: Any
    arguments: Any
    if kind == "encoder":
        from sentence_transformers import (
            SentenceTransformerTrainer as base,
        )
        from sentence_transformers import (
            SentenceTransformerTrainingArguments as arguments,
        )
    else:
        from sentence_transformers.cross_encoder import (
            CrossEncoderTrainer as base,
        )
        from sentence_transformers.cross_encoder import (
            CrossEncoderTrainingArguments as arguments,
        )

    class Trainer(base):  # type: ignore[misc]  # one of two
        """Trainer of a model and a loss."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """Encode no examples for a card: we write it ourselves."""

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            folder = Path(output_dir or work)
            if adapters:
                save_adapters(self.model, folder)
            else:
                super()._save(output_dir, state_dict)
            save_loss_weights(self.loss, self.model, folder)

        def _load_from_checkpoint(self, checkpoint_path: str) -> None:
            if adapters:
                load_adapters(self.model, Path(checkpoint_path))
            else:
                super()._load_from_checkpoint(checkpoint_path)
            load_loss_weights(self.loss, self.model, Path(checkpoint_path))

        def _load_best_model(self) -> None:
            """Load it, or raise: sentence-transformers would go on with the last one."""
            self._load_from_checkpoint(self.state.best_model_checkpoint)

    return Trainer, arguments


def _watcher(progress: Progress, steps: int) -> Any:
    """Callback that tells progress and loss, and stops the training when asked to."""
    from transformers import TrainerCallback

    class Watcher(TrainerCallback):
        """Progress of a training."""

        def __init__(self) -> None:
            self.stopped = False

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Begin the phase; a resumed training has done some steps."""
            progress.phase("train", "steps", steps)
            if state.global_step:
                progress.advance(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Count the step, and stop where asked: with a checkpoint. The last step has one, too."""
            progress.advance(1)
            if state.global_step >= state.max_steps:
                control.should_save = True
            if progress.stop():
                self.stopped = True
                control.should_training_stop = control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Tell the loss."""
            if logs and "loss" in logs:
                progress.note(f"loss {float(logs['loss']):.4f}")

    return Watcher()
