"""Training of an encoder through the trainer of sentence-transformers: resumable, without padding waste.

<out>.training/       checkpoints of a training that goes on or was stopped; removed at its end
    settings.json     what is trained; another training begins anew
    checkpoint-<n>/   model, weights of the loss, optimizer, position
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import StorageError, TrainingFailed, UsageError
from qembed.models.library_logging import quiet
from qembed.pipeline.progress import Progress
from qembed.training.encoder.batches import epoch_batches
from qembed.training.encoder.checkpoints import (
    begin_or_resume,
    load_loss_weights,
    save_loss_weights,
    training_key,
)
from qembed.training.encoder.examples import LABEL, Row
from qembed.training.encoder.losses import LossSpec, make_loss
from qembed.training.encoder.trained_parts import ALL, add_lora, freeze_layers, merge_lora

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Options of a training.

    `batch`: rows a step. `freeze`: lowest layers that stay as they are, with the embeddings; ALL for none.
    `lora`: rank of LoRA adapters, 0 for none. `dims`: dimensions of matryoshka. `max_tokens`: of a text, None
    for the model's. `save_steps`: steps between two checkpoints, None for each epoch. `patience`: epochs
    without a lower loss on the dev rows before it stops.
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

    def check(self) -> None:
        """Raise UsageError for options out of range."""
        for name, value, ok in (
            ("epochs", self.epochs, self.epochs >= 1),
            ("batch", self.batch, self.batch >= 2),
            ("lr", self.learning_rate, 0 < self.learning_rate < 1),
            ("freeze", self.freeze, self.freeze >= ALL),
            ("lora", self.lora, self.lora >= 0),
            ("save-steps", self.save_steps, self.save_steps is None or self.save_steps >= 1),
        ):
            if not ok:
                raise UsageError(f"--{name} {value}: out of range")


def train(
    model: SentenceTransformer,
    loss: LossSpec,
    rows: Sequence[Row],
    dev: Sequence[Row],
    options: TrainingOptions,
    work: Path,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train the model in place; returns {"steps", "epochs", "loss": [first, last], "resumed"}.

    `dev`: rows for the early stop, empty for none. `work`: folder of checkpoints; a training of the same
    settings goes on from the last one there. Raises UsageError, StorageError, KeyboardInterrupt,
    TrainingFailed if the loss is no number.
    """
    with quiet():
        return _train(model, loss, rows, dev, options, work, progress or Progress())


def _train(
    model: SentenceTransformer,
    loss: LossSpec,
    rows: Sequence[Row],
    dev: Sequence[Row],
    options: TrainingOptions,
    work: Path,
    progress: Progress,
) -> dict[str, Any]:
    import torch
    from sentence_transformers import SentenceTransformerTrainingArguments
    from transformers import EarlyStoppingCallback, PrinterCallback

    if options.max_tokens is not None:
        model.max_seq_length = min(options.max_tokens, model.max_seq_length or options.max_tokens)
    freeze_layers(model, options.freeze)
    if options.lora:
        add_lora(model, options.lora)
        dev = ()  # the trainer cannot load a checkpoint with adapters
    lengths = _lengths(model, rows)
    batches = epoch_batches(
        rows,
        lengths,
        options.batch,
        options.epochs,
        options.seed,
        in_batch=loss.in_batch,
        fresh=loss.fresh,
    )
    resume = begin_or_resume(work, training_key(model, rows, asdict(options)))
    by = "steps" if options.save_steps else "epoch"
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        learning_rate=options.learning_rate,
        warmup_steps=options.warmup,
        seed=options.seed,
        data_seed=options.seed,
        batch_sampler=batches,  # type: ignore[arg-type]  # called with the data set, it is its own sampler
        save_strategy="no" if options.lora else by,
        save_steps=options.save_steps or 500,
        save_total_limit=2,
        eval_strategy=by if dev else "no",
        eval_steps=options.save_steps or 500,
        load_best_model_at_end=bool(dev),
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        logging_strategy="steps",
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    watcher = _watcher(progress, len(batches) * options.epochs)
    torch.manual_seed(options.seed)  # a loss may have weights of its own
    trainer = _trainer_class(work)(
        model=model,
        args=arguments,
        train_dataset=_dataset(rows),
        eval_dataset=_dataset(dev) if dev else None,
        loss=make_loss(loss, model, options.batch, options.dims),
        callbacks=[watcher, *([EarlyStoppingCallback(options.patience)] if dev else [])],
    )
    # they print each step, and encode examples for a card that we write ourselves
    trainer.remove_callback(PrinterCallback)
    for callback in trainer.callback_handler.callbacks:
        if type(callback).__name__.endswith("ModelCardCallback"):
            trainer.remove_callback(callback)
    try:
        trainer.train(resume_from_checkpoint=resume)
    except OSError as e:
        raise StorageError(f"{work}: {e.strerror or e}; earlier checkpoints are kept") from e
    if watcher.stopped:
        raise KeyboardInterrupt
    if options.lora:
        merge_lora(model)
    model.eval()
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    if not losses or not all(math.isfinite(x) for x in losses):
        raise TrainingFailed("the loss is no number (a smaller --lr, or other labels)")
    return {
        "steps": trainer.state.global_step,
        "epochs": trainer.state.epoch,
        "loss": [losses[0], losses[-1]],
        "resumed": resume is not None,
    }


def _trainer_class(work: Path) -> Any:
    """Trainer whose checkpoints hold the weights of the loss too."""
    from sentence_transformers import SentenceTransformerTrainer

    class Trainer(SentenceTransformerTrainer):
        """Trainer of a model and a loss."""

        def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
            super()._save(output_dir, state_dict)
            save_loss_weights(self.loss, self.model, Path(output_dir or work))

        def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]
            super()._load_from_checkpoint(checkpoint_path)
            load_loss_weights(self.loss, self.model, Path(checkpoint_path))

    return Trainer


def _lengths(model: Any, rows: Sequence[Row]) -> list[int]:
    """Tokens of each row's longest text, which its batch is padded to."""
    tokenizer = model.tokenizer
    texts = list(dict.fromkeys(t for row in rows for t in row.texts))
    ids = tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]
    length = dict(zip(texts, map(len, ids), strict=True))
    return [max(length[t] for t in row.texts) for row in rows]


def _dataset(rows: Sequence[Row]) -> Any:
    """Rows as a data set: the texts' columns in their order, then the label."""
    from datasets import Dataset

    width = len(rows[0].texts)
    columns: dict[str, Any] = {f"text_{i}": [row.texts[i] for row in rows] for i in range(width)}
    if rows[0].label is not None:
        columns[LABEL] = [
            list(row.label) if isinstance(row.label, tuple) else row.label for row in rows
        ]
    return Dataset.from_dict(columns)


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
            """Count the step, and stop where asked: with a checkpoint."""
            progress.advance(1)
            if progress.stop():
                self.stopped = True
                control.should_training_stop = control.should_save = True

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Tell the loss."""
            if logs and "loss" in logs:
                progress.note(f"loss {float(logs['loss']):.4f}")

    return Watcher()
