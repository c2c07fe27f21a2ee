"""Training of a reranker in memory: parts that are trained, batches of like length, the data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.models.library_logging import quiet
from qembed.pipeline.progress import Progress
from qembed.training.anchor import anchored
from qembed.training.batches import epoch_batches
from qembed.training.reranker.losses import WEIGHED, make_loss
from qembed.training.rows import LABEL, WEIGHT, Row
from qembed.training.trained_parts import (
    add_lora,
    freeze_layers,
    leave_out_attention_dropout,
    merge_lora,
)
from qembed.training.training_loop import TrainingData, TrainingOptions, run_training

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


def train_reranker_model(
    model: CrossEncoder,
    rows: Sequence[Row],
    dev: Sequence[Row],
    options: TrainingOptions,
    work: Path,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train the model in place; returns what `run_training` does, and raises what it does.

    `dev`: rows for the early stop, empty for none. `work`: folder of checkpoints.
    """
    import torch

    with quiet():
        limit = model.max_seq_length
        if options.max_tokens is not None:
            model.max_seq_length = min(options.max_tokens, limit or options.max_tokens)
        freeze_layers(model, options.freeze)
        leave_out_attention_dropout(model)
        torch.manual_seed(options.seed)
        if options.lora:
            add_lora(model, options.lora)
        batches = epoch_batches(
            rows, _lengths(model, rows), options.batch, options.epochs, options.seed, in_batch=False
        )
        torch.manual_seed(options.seed)
        weighed = options.loss in WEIGHED and any(row.weight != 1 for row in rows)
        module = make_loss(options.loss, model, weighed=weighed)
        if options.anchor:
            module = anchored(module, model, options.anchor)
        judged = _dataset(dev, weighed) if dev else None
        data = TrainingData(rows, _dataset(rows, weighed), judged)
        done = run_training(
            "reranker", model, module, data, batches, options, work, progress or Progress()
        )
        if options.lora:
            merge_lora(model)
        model.max_seq_length = limit
        return done


def _lengths(model: Any, rows: Sequence[Row]) -> list[int]:
    """Tokens of each row's longest pair."""
    pairs = [(row.texts[0], text) for row in rows for text in row.texts[1:]]
    ids = model.tokenizer(
        [q for q, _ in pairs],
        [text for _, text in pairs],
        truncation=True,
        max_length=model.max_seq_length,
    )["input_ids"]
    found = iter(map(len, ids))
    return [max(next(found) for _ in row.texts[1:]) for row in rows]


def _dataset(rows: Sequence[Row], weighed: bool) -> Any:
    """Rows as a data set: query and text with a number, or query and texts with a list of numbers.

    `weighed`: with the rows' weights after the texts.
    """
    from datasets import Dataset

    lists = isinstance(rows[0].label, tuple)
    return Dataset.from_dict(
        {
            "query": [row.texts[0] for row in rows],
            "text": [list(row.texts[1:]) if lists else row.texts[1] for row in rows],
            **({WEIGHT: [row.weight for row in rows]} if weighed else {}),
            LABEL: [list(row.label) if isinstance(row.label, tuple) else row.label for row in rows],
        }
    )
