"""Checkpoints of a training, in a folder beside its result.

<out>.training/       of a training that goes on or was stopped; removed at its end
    settings.json     what is trained; another training begins anew
    checkpoint-<n>/   model or its adapters, weights of the loss, optimizer, position
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import StorageError, refusal

if TYPE_CHECKING:
    from qembed.training.rows import Row

STATE = "trainer_state.json"
"""File that a checkpoint is complete with: it is written last."""
LOSS_WEIGHTS = "loss.safetensors"
"""What a loss has learned beside the model: a decoder's head, for one."""
ADAPTERS = "adapters.safetensors"


def training_key(model: Any, rows: Sequence[Row], options: Mapping[str, Any]) -> dict[str, Any]:
    """Identity of a training: options, rows, and the weights that it begins with."""
    digest = hashlib.blake2b(digest_size=16)
    for row in rows:
        digest.update(repr((row.texts, row.label, row.weight)).encode("utf-8", "surrogatepass"))
    for name, value in model.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().float().numpy().tobytes())
    return {"options": json.loads(json.dumps(dict(options))), "digest": digest.hexdigest()}


def begin_or_resume(work: Path, key: dict[str, Any]) -> str | None:
    """Make the folder of checkpoints; returns the last complete one of the same training, None without.

    Raises StorageError.
    """
    settings = work / "settings.json"
    try:
        if settings.is_file() and json.loads(settings.read_text("utf-8")) == key:
            found = [p for p in work.glob("checkpoint-*") if _is_complete(p)]
            last = max(found, key=lambda p: int(p.name.rpartition("-")[2]), default=None)
            for path in work.glob("checkpoint-*"):
                if path not in found:  # written when the process was killed
                    shutil.rmtree(path)
            return None if last is None else str(last)
        if work.exists():
            shutil.rmtree(work)
        work.mkdir(parents=True)
        settings.write_text(json.dumps(key), "utf-8")
    except (OSError, ValueError) as e:
        reason = e.strerror if isinstance(e, OSError) else str(e)
        raise StorageError(f"{work} cannot be written: {reason}") from e
    return None


def _is_complete(checkpoint: Path) -> bool:
    try:
        json.loads((checkpoint / STATE).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


def failed_write(error: Exception) -> str | None:
    """Reason of an error while a checkpoint was written, None for an error of another kind.

    Tensors are written by libraries that tell a full disk in words of their own.
    """
    if isinstance(error, OSError):
        return refusal(error)
    found = re.search(r"os error (\d+)", str(error))
    if found is not None:
        return refusal(OSError(int(found[1]), os.strerror(int(found[1]))))
    if any(words in str(error) for words in ("inline_container", "iostream", "PytorchStream")):
        return "a checkpoint cannot be written (is the disk full?)"
    return None


def save_adapters(model: Any, folder: Path) -> None:
    """Write the parameters of a model that are trained."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(_trained(model), folder / ADAPTERS)


def load_adapters(model: Any, folder: Path) -> None:
    """Read what `save_adapters` has written, into the model."""
    _load(_trained(model), folder / ADAPTERS)


def _trained(model: Any) -> dict[str, Any]:
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def save_loss_weights(loss: Any, model: Any, folder: Path) -> None:
    """Write the parameters of a loss that are not the model's, if it has any."""
    if own := _own_weights(loss, model):
        _save(own, folder / LOSS_WEIGHTS)


def load_loss_weights(loss: Any, model: Any, folder: Path) -> None:
    """Read what `save_loss_weights` has written, into the loss."""
    if own := _own_weights(loss, model):
        _load(own, folder / LOSS_WEIGHTS)


def _save(weights: Mapping[str, Any], path: Path) -> None:
    from safetensors.torch import save_file

    save_file({n: p.detach().contiguous().clone() for n, p in weights.items()}, path)


def _load(weights: Mapping[str, Any], path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    found = load_file(path)
    with torch.no_grad():
        for name, weight in weights.items():
            weight.copy_(found[name])


def _own_weights(loss: Any, model: Any) -> dict[str, Any]:
    shared = {id(p) for p in model.parameters()}
    return {name: p for name, p in loss.named_parameters() if id(p) not in shared}
