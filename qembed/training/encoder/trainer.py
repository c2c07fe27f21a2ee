"""Training of an encoder: parts that are trained, batches without padding waste, the data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.library_logging import quiet
from qembed.pipeline.progress import Progress
from qembed.training.batches import epoch_batches
from qembed.training.encoder.losses import LossSpec, make_loss
from qembed.training.rows import LABEL, Row
from qembed.training.trained_parts import add_lora, freeze_layers, merge_lora
from qembed.training.training_loop import TrainingData, TrainingOptions, run_training

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer


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
    import torch

    with quiet():
        if options.max_tokens is not None:
            limit = model.max_seq_length or options.max_tokens
            model.max_seq_length = min(options.max_tokens, limit)
        freeze_layers(model, options.freeze)
        if options.lora:
            add_lora(model, options.lora)
            dev = ()  # the trainer cannot load a checkpoint with adapters
        batches = epoch_batches(
            rows,
            _lengths(model, rows),
            options.batch,
            options.epochs,
            options.seed,
            in_batch=loss.in_batch,
            fresh=loss.fresh,
        )
        torch.manual_seed(options.seed)  # a loss may have weights of its own
        module = make_loss(loss, model, options.batch, options.dims)
        data = TrainingData(rows, _dataset(rows), _dataset(dev) if dev else None)
        done = run_training(
            "encoder", model, module, data, batches, options, work, progress or Progress()
        )
        if options.lora:
            merge_lora(model)
        return done


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
