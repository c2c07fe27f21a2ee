"""Towers of pictures beside an encoder of texts: a folder `image` with tower.json and weights.

compact        our own network of convolutions, for pictures by the thousand and a CPU
transformers   a vision model of transformers: its config.json is in the same folder
torchvision    a network of torchvision, by its name there

All give float32 (n, dim) for pixels (n, 3, height, width), through a last linear layer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable, UsageError
from qembed.models.environment import version
from qembed.models.layout.pictures import IMAGE_TOWER

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

WEIGHTS = "model.safetensors"
TORCHVISION = "torchvision networks need torchvision (pip install torchvision)"


def build_tower(settings: Mapping[str, Any], folder: Path | None = None) -> Any:
    """Tower with fresh weights, a torch module. `settings`: `kind`, `dim`, and what its kind needs.

    `folder`: where a transformers model's config.json is. Raises ModelUnavailable, UsageError.
    """
    kind, dim = settings["kind"], int(settings["dim"])
    if kind == "compact":
        return _compact(int(settings["channels"]), dim)
    if kind == "torchvision":
        return _torchvision(str(settings["network"]), dim, None)
    if kind == "transformers" and folder is not None:
        from transformers import AutoConfig, AutoModel

        config = AutoConfig.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        auto: Any = AutoModel
        return _vision(auto.from_config(config, trust_remote_code=False), dim)
    raise ModelUnavailable(f"{folder}: a tower of pictures of an unknown kind {kind!r}")


def load_tower(folder: Path, device: str = "cpu") -> Any:
    """Tower that is in a folder, on a device, evaluating. Raises ModelUnavailable."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / IMAGE_TOWER
    try:
        tower = build_tower(json.loads(path.read_text("utf-8")), folder)
        tower.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as e:
        reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
        raise ModelUnavailable(f"{folder} cannot be loaded: {reason}") from e
    return tower.to(device).eval()


def save_tower(tower: Any, settings: Mapping[str, Any], folder: Path) -> None:
    """Write a tower. `settings`: those it was built with, and its preprocessing."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    inner = getattr(tower, "vision", None)
    if inner is not None:
        inner.config.save_pretrained(str(folder))
    weights = {
        name: w.detach().cpu().contiguous().clone() for name, w in tower.state_dict().items()
    }
    save_file(weights, folder / WEIGHTS)
    (folder / IMAGE_TOWER).write_text(json.dumps(dict(settings), indent=2) + "\n", "utf-8")


def pixel_vectors(tower: Any) -> Any:
    """Function of prepared pictures, float32 (n, 3, height, width), that gives vectors (n, dim)."""
    import torch

    device = next(tower.parameters()).device

    def vectors(pixels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with torch.inference_mode():
            found: npt.NDArray[np.float32] = (
                tower(torch.from_numpy(pixels).to(device)).cpu().numpy()
            )
        return found

    return vectors


def pretrained_vision(folder: Path, dim: int) -> Any:
    """Tower of a transformers vision model in a folder, with its weights and a new last layer.

    The tower of pictures alone, of a model that has two. Raises ModelUnavailable.
    """
    from transformers import AutoModel

    try:
        model = AutoModel.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
    except (OSError, ValueError, KeyError, RuntimeError) as e:
        reason = next(iter(str(e).strip().splitlines()), type(e).__name__)
        raise ModelUnavailable(f"{folder} cannot be loaded: {reason}") from e
    return _vision(getattr(model, "vision_model", model), dim)


def pretrained_torchvision(name: str, dim: int, weights: Path | None) -> Any:
    """Tower of a torchvision network with a new last layer. `weights`: a file of its weights, None for fresh.

    Raises UsageError for a name that is none, or without torchvision.
    """
    return _torchvision(name, dim, weights)


def _vision(model: Any, dim: int) -> Any:
    import torch

    config = model.config
    wide = getattr(config, "hidden_size", None) or config.hidden_sizes[-1]

    class Vision(torch.nn.Module):
        """Vision model of transformers, its pooled states through a linear layer."""

        def __init__(self) -> None:
            super().__init__()
            self.vision = model
            self.last = torch.nn.Linear(wide, dim)

        def forward(self, pixels: Any) -> Any:
            output = self.vision(pixel_values=pixels)
            pooled = getattr(output, "pooler_output", None)
            if pooled is None:
                pooled = output.last_hidden_state.mean(dim=1)
            return self.last(pooled.flatten(1))

    return Vision()


def _torchvision(name: str, dim: int, weights: Path | None) -> Any:
    import torch

    if version("torchvision") is None:
        raise UsageError(TORCHVISION)
    from torchvision.models import get_model, list_models

    if name not in list_models():
        raise UsageError(f"torchvision has no network {name!r}")
    network: Any = get_model(name, weights=None)
    if weights is not None:
        from safetensors.torch import load_file

        network.load_state_dict(load_file(weights))
    for last in ("fc", "classifier", "head", "heads"):
        if hasattr(network, last):
            setattr(network, last, torch.nn.Flatten(1))
            break
    with torch.inference_mode():
        wide = network.eval()(torch.zeros(1, 3, 224, 224)).shape[1]
    return torch.nn.Sequential(network, torch.nn.Linear(wide, dim))


def _compact(channels: int, dim: int) -> Any:
    """Residual network of four stages, each of half the size and twice the channels."""
    import torch
    from torch import nn

    class Block(nn.Module):
        """Two convolutions around which the input is added."""

        def __init__(self, inside: int, outside: int, stride: int) -> None:
            super().__init__()
            self.norms = nn.ModuleList([nn.BatchNorm2d(inside), nn.BatchNorm2d(outside)])
            self.first = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            self.second = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
            same = inside == outside and stride == 1
            self.around = (
                nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride, bias=False)
            )

        def forward(self, x: Any) -> Any:
            h = torch.relu(self.norms[0](x))
            around = x if isinstance(self.around, nn.Identity) else self.around(h)
            return around + self.second(torch.relu(self.norms[1](self.first(h))))

    stages = [channels, 2 * channels, 4 * channels, 8 * channels]
    blocks = [
        Block(inside, outside, 1 if n == 0 else 2)
        for n, (inside, outside) in enumerate(zip([channels, *stages], stages, strict=False))
    ]
    return nn.Sequential(
        nn.Conv2d(3, channels, 3, 2, 1, bias=False),
        *blocks,
        nn.BatchNorm2d(stages[-1]),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(stages[-1], dim),
    )
