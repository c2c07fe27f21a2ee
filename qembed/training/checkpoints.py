"""Checkpoints of a training, in a folder beside its result.

<out>.training/       of a training that goes on or was stopped; removed at its end
    settings.json     what is trained; another training begins anew, and says so
    checkpoint-<n>/   model or its adapters, weights of the loss, optimizer, position
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
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
    data = hashlib.blake2b(digest_size=16)
    for row in rows:
        data.update(repr((row.texts, row.label, row.weight)).encode("utf-8", "surrogatepass"))
    return make_key(options, data.hexdigest(), weights_digest(model.state_dict()))


def make_key(options: Mapping[str, Any], data: str, weights: str) -> dict[str, Any]:
    """Identity of a training, as JSON reads it. `data`, `weights`: digests of the rows and of the model."""
    return {"options": json.loads(json.dumps(dict(options))), "data": data, "weights": weights}


def weights_digest(weights: Mapping[str, Any]) -> str:
    """Digest of tensors by name."""
    digest = hashlib.blake2b(digest_size=16)
    for name, value in weights.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().float().numpy().tobytes())
    return digest.hexdigest()


def begin_or_resume(
    work: Path, key: dict[str, Any], warn: Callable[[str], None], later: Sequence[Path] = ()
) -> str | None:
    """Make the folder of checkpoints; returns the last complete one of the same training, None without.

    Checkpoints of another training are removed, with a warning that says what differs; so are those in
    `later`, folders of stages that begin with what this one ends with. Raises StorageError.
    """
    try:
        old = _settings(work)
        if old == key:
            found = _complete(work)
            for path in work.glob("checkpoint-*"):
                if path not in found:  # written when the process was killed
                    shutil.rmtree(path)
            return str(found[-1]) if found else None
        there = [p for p in (work, *later) if p.exists()]
        if lost := [p for p in there if next(p.rglob(f"checkpoint-*/{STATE}"), None)]:
            warn(
                f"{', '.join(map(str, lost))}: checkpoints of another training are discarded, and this one "
                f"begins anew ({_differences(old, key) if old else f'{work} had no settings'})"
            )
        for path in there:
            shutil.rmtree(path)
        work.mkdir(parents=True)
        (work / "settings.json").write_text(json.dumps(key), "utf-8")
    except OSError as e:
        raise StorageError(f"{work} cannot be written: {e.strerror}") from e
    return None


def _settings(work: Path) -> dict[str, Any]:
    """Identity of the training whose checkpoints are there, {} if nothing says it."""
    try:
        found = json.loads((work / "settings.json").read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Differences of two trainings, in words."""
    before, now = old.get("options", {}), new["options"]
    found = [
        f"{name.replace('_', ' ')} {before.get(name)}, now {now.get(name)}"
        for name in dict.fromkeys([*now, *before])
        if before.get(name) != now.get(name)
    ]
    found += ["other data"] * (old.get("data") != new["data"])
    found += ["other weights to begin with"] * (old.get("weights") != new["weights"])
    return "; ".join(found)


def _complete(work: Path) -> list[Path]:
    """Complete checkpoints of a folder, the last one last."""
    found = [p for p in work.glob("checkpoint-*") if _is_complete(p)]
    return sorted(found, key=lambda p: int(p.name.rpartition("-")[2]))


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
