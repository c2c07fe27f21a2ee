"""Training of an encoder: parts that are trained, batches without padding waste, the data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.library_logging import quiet
from qembed.pipeline.progress import Progress
from qembed.training.anchor import anchored, fisher_diagonal
from qembed.training.batches import epoch_batches
from qembed.training.encoder.losses import LossSpec, make_loss
from qembed.training.rows import LABEL, Row
from qembed.training.trained_parts import (
    add_lora,
    freeze_layers,
    leave_out_attention_dropout,
    merge_lora,
)
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
    old: Sequence[Row] = (),
) -> dict[str, Any]:
    """Train the model in place; returns {"steps", "epochs", "losses": [first, last], "resumed"}.

    `dev`: rows for the early stop, empty for none. `work`: folder of checkpoints; a training of the same
    settings goes on from the last one there. `old`: rows that say which weights matter, for an anchor by
    `ewc`. Raises UsageError, StorageError, KeyboardInterrupt,
    TrainingFailed if the loss is no number.
    """
    import torch

    with quiet():
        limit = model.max_seq_length
        if options.max_tokens is not None:
            model.max_seq_length = min(options.max_tokens, limit or options.max_tokens)
        freeze_layers(model, options.freeze)
        if loss.name != "simcse":  # it learns by nothing else
            leave_out_attention_dropout(model)
        torch.manual_seed(options.seed)
        if options.lora:
            add_lora(model, options.lora)
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
        module = make_loss(loss, model, options.batch, options.dims, options.temperature)
        if options.anchor:
            importance = None
            if options.anchor_by == "ewc":
                importance = fisher_diagonal(module, model, _inputs(model, old, options.batch))
            module = anchored(module, model, options.anchor, importance)
        data = TrainingData(rows, _dataset(rows), _dataset(dev) if dev else None, old)
        done = run_training(
            "encoder", model, module, data, batches, options, work, progress or Progress()
        )
        if options.lora:
            merge_lora(model)
        model.max_seq_length = limit
        return done


def _inputs(model: Any, rows: Sequence[Row], size: int) -> Iterator[tuple[Any, Any]]:
    """Batches of rows as a loss takes them: tokens of each column, and labels."""
    import torch
    from sentence_transformers.util import batch_to_device

    for at in range(0, len(rows), size):
        batch = rows[at : at + size]
        columns = zip(*(row.texts for row in batch), strict=True)
        features = [batch_to_device(model.preprocess(list(c)), model.device) for c in columns]
        labels = None
        if batch[0].label is not None:
            labels = torch.tensor([row.label for row in batch], device=model.device)
        yield features, labels


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
