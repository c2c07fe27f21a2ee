"""The two sides of a pair in training: pictures by a tower, texts by a model that stays or learns too."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qembed.errors import UsageError
from qembed.models import Model, query_text, task_template
from qembed.models.images.preprocessing import Preprocessing, from_settings
from qembed.models.images.towers import (
    build_tower,
    pretrained_torchvision,
    pretrained_vision,
    save_tower,
)
from qembed.models.layout.pictures import IMAGE_FOLDER
from qembed.models.model_folder import Folder
from qembed.training.model_folders import copy_without_weights

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from qembed.types import Vectors

COMPACT = "compact"
TORCHVISION = "torchvision:"
CHANNELS = 24
"""Channels of the compact network's first stage; 0.76 million weights in all."""
TEXTS = 64
"""Texts of a batch outside training."""


class ImageSide:
    """Tower of pictures, and how they become its pixels. `settings`: to build it again."""

    def __init__(self, spec: str, size: int, dim: int, seed: int) -> None:
        import torch

        torch.manual_seed(seed)
        self.steps = Preprocessing(size, size)
        if spec == COMPACT:
            self.settings: dict[str, Any] = {"kind": COMPACT, "dim": dim, "channels": CHANNELS}
            self.tower: Any = build_tower(self.settings)
        elif spec.startswith(TORCHVISION):
            name, _, weights = spec.removeprefix(TORCHVISION).partition("@")
            self.settings = {"kind": "torchvision", "dim": dim, "network": name}
            self.tower = pretrained_torchvision(name, dim, Path(weights) if weights else None)
        else:
            path = Path(spec).expanduser()
            if not (path / "config.json").is_file():
                raise UsageError(
                    f"--image-tower {spec}: {COMPACT}, {TORCHVISION}NAME or a folder of a transformers "
                    "vision model is wanted"
                )
            self.settings = {"kind": "transformers", "dim": dim}
            self.steps = from_settings(Folder(path).image_settings(), str(path))
            self.tower = pretrained_vision(path, dim)

    def normalised(self, pixels: Any) -> Any:
        """Pixels of 0 to 1, as the tower gets them, float32 (n, 3, height, width)."""
        import torch

        mean, std = (torch.tensor(x)[:, None, None] for x in (self.steps.mean, self.steps.std))
        return (pixels * (255 * self.steps.scale) - mean) / std

    def vectors(self, pixels: npt.NDArray[np.uint8]) -> Vectors:
        """Unit vectors of pictures, float32 (n, dim), by the tower as it is in search."""
        import numpy as np
        import torch

        self.tower.eval()
        parts = []
        with torch.inference_mode():
            for at in range(0, len(pixels), 256):
                part = self.normalised(opened(pixels[at : at + 256]))
                parts.append(torch.nn.functional.normalize(self.tower(part)).numpy())
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write the tower and its settings."""
        save_tower(self.tower, {**self.settings, **self.steps.as_settings()}, folder)


def opened(pixels: npt.NDArray[np.uint8]) -> Any:
    """Pixels uint8 (n, height, width, 3) as a tensor of 0 to 1, float32 (n, 3, height, width)."""
    import torch

    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


class TextSide:
    """Texts of pairs as queries. `names`: each different text; `rows`: the one of each pair.

    `trained`: a sentence-transformers model that learns too, None if the vectors stay as they are.
    """

    def __init__(self, texts: Sequence[str], model: Model, folder: Folder, trained: Any) -> None:
        import numpy as np

        self.names = sorted(set(texts))
        at = {name: i for i, name in enumerate(self.names)}
        self.rows = np.array([at[t] for t in texts])
        template, task = task_template(model.profile, None)
        self._finished = [query_text(template, name, task) for name in self.names]
        self._folder = folder
        self.trained = trained
        self._fixed = None if trained is not None else model.encoder().encode(self._finished)

    def vectors(self, rows: npt.NDArray[np.int64]) -> Vectors:
        """Unit vectors of texts by their numbers, float32 (n, dim)."""
        import numpy as np
        import torch

        if self._fixed is not None:
            return self._fixed[rows]
        self.trained.eval()
        with torch.inference_mode():
            parts = [self.tensor(rows[at : at + TEXTS]) for at in range(0, len(rows), TEXTS)]
        return np.concatenate([p.numpy() for p in parts])

    def tensor(self, rows: npt.NDArray[np.int64]) -> Any:
        """Unit vectors of texts as a tensor, with gradients if it is trained."""
        import torch

        if self._fixed is not None:
            return torch.from_numpy(self._fixed[rows])
        features = self.trained.preprocess([self._finished[i] for i in rows], prompt="")
        return torch.nn.functional.normalize(self.trained(features)["sentence_embedding"])

    def save(self, folder: Path) -> None:
        """Write the model of texts: a copy, or the one that was trained."""
        if self.trained is not None:
            self.trained.save_pretrained(str(folder), create_model_card=False)
            return
        copy_without_weights(self._folder, folder)
        import shutil

        for path in self._folder.path.rglob("*.safetensors"):
            to = folder / path.relative_to(self._folder.path)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)


class TrainedPair:
    """Both sides, to be written as one folder."""

    def __init__(self, images: ImageSide, texts: TextSide) -> None:
        self._images = images
        self._texts = texts

    def save_pretrained(self, folder: str, create_model_card: bool = False) -> None:
        """Write the model of texts, and the tower of pictures in its folder `image`."""
        self._texts.save(Path(folder))
        self._images.save(Path(folder) / IMAGE_FOLDER)
