"""Pictures to pixels, as CLIP, SigLIP and their kin were trained: scale, crop, normalise.

Through Pillow and numpy alone, in all runtimes alike. transformers takes torchvision where that is installed,
which scales in another way: a vector would depend on what else is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from qembed.errors import ModelUnavailable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

    from qembed.models.model_folder import Folder

FILTERS = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's resampling filters by number."""
_CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
_CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Steps from an opened RGB picture to pixels.

    `height`, `width`: of what a picture is scaled to; `shortest`: its shorter side becomes `height` instead,
    and the other one keeps its share. `crop`: height and width of the part in the middle that is read, None
    for all. `resample`: one of FILTERS. `scale` is multiplied, `mean` taken away, `std` divided by.
    """

    height: int
    width: int
    shortest: bool = False
    crop: tuple[int, int] | None = None
    resample: int = 3
    scale: float = 1 / 255
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    @property
    def recipe(self) -> str:
        """The steps as one line."""
        side = f"shorter side {self.height}" if self.shortest else f"{self.height} x {self.width}"
        crop = "" if self.crop is None else f", middle {self.crop[0]} x {self.crop[1]}"
        numbers = [" ".join(f"{x:.8g}" for x in part) for part in (self.mean, self.std)]
        how = FILTERS[self.resample]
        return f"{how} {side}{crop}, x {self.scale:.8g}, mean {numbers[0]}, std {numbers[1]}"

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the pixels."""
        return self.crop or (self.height, self.width)

    def pixels(self, images: Sequence[Image]) -> npt.NDArray[np.float32]:
        """Pixels of the pictures, float32 (len(images), 3, height, width)."""
        import numpy as np

        out = np.empty((len(images), 3, *self.shape), dtype=np.float32)
        mean, std = (np.array(x, dtype=np.float32)[:, None, None] for x in (self.mean, self.std))
        for row, image in zip(out, images, strict=True):
            values = np.asarray(self.sized(image), dtype=np.float32).transpose(2, 0, 1)
            row[:] = (values * np.float32(self.scale) - mean) / std
        return out

    def sized(self, image: Image) -> Image:
        """The picture, scaled and cropped; what a crop reads beyond the edges is black."""
        from PIL.Image import Resampling

        width, height = self.width, self.height
        if self.shortest:
            short, long = sorted(image.size)
            other = int(self.height * long / short)
            width, height = (
                (self.height, other) if image.width <= image.height else (other, self.height)
            )
        if image.mode != "RGB":
            image = image.convert("RGB")
        scaled = image.resize((width, height), Resampling(self.resample))
        if self.crop is None:
            return scaled
        top, left = (height - self.crop[0]) // 2, (width - self.crop[1]) // 2
        return scaled.crop((left, top, left + self.crop[1], top + self.crop[0]))

    def as_settings(self) -> dict[str, Any]:
        """Fields, as `from_settings` reads them."""
        return {"preprocessing": asdict(self)}


def from_settings(settings: Mapping[str, Any], where: str) -> Preprocessing:
    """Steps that a model's settings name: those of `as_settings`, or an image processor's of transformers.

    Raises ModelUnavailable naming `where` for steps that are not known here.
    """
    own = settings.get("preprocessing")
    try:
        if isinstance(own, Mapping):
            crop = own["crop"]
            tuples = {"mean": tuple(own["mean"]), "std": tuple(own["std"])}
            return Preprocessing(**{**own, **tuples, "crop": crop and tuple(crop)})
        return _of_transformers(settings)
    except (KeyError, TypeError, ValueError) as e:
        raise ModelUnavailable(
            f"{where}: pictures are prepared in a way not known here ({e})"
        ) from e


def steps_of(folder: Folder) -> Preprocessing | None:
    """Steps of the model in a folder, None if it reads no pictures. Raises ModelUnavailable."""
    if not folder.sees:
        return None
    settings, wide = folder.image_settings(), folder.dim()
    if folder.sees == "image" and settings.get("dim") != wide:
        raise ModelUnavailable(
            f"{folder.path}: its pictures have {settings.get('dim')} dimensions, its texts {wide}"
        )
    return from_settings(settings, str(folder.path))


def _of_transformers(settings: Mapping[str, Any]) -> Preprocessing:
    clip = "CLIP" in str(
        settings.get("image_processor_type") or settings.get("feature_extractor_type")
    )
    wanted = ("do_resize", "do_rescale", "do_normalize")
    off = [name for name in wanted if settings.get(name, True) is not True]
    if off or settings.get("do_pad"):
        raise ValueError(", ".join(off or ["do_pad"]))
    size = settings["size"]
    if isinstance(size, int):  # of before transformers 4.20
        size = {"shortest_edge": size} if clip else {"height": size, "width": size}
    if "shortest_edge" in size and "longest_edge" not in size:
        height = width = int(size["shortest_edge"])
    else:
        height, width = int(size["height"]), int(size["width"])
    crop = None
    if settings.get("do_center_crop", clip):
        given = settings["crop_size"]
        given = {"height": given, "width": given} if isinstance(given, int) else given
        crop = (int(given["height"]), int(given["width"]))
    elif "shortest_edge" in size:
        raise ValueError("pictures of several shapes")
    resample = int(settings.get("resample", 3))
    if resample not in FILTERS:
        raise ValueError(f"resample {resample}")
    return Preprocessing(
        height,
        width,
        shortest="shortest_edge" in size,
        crop=crop,
        resample=resample,
        scale=float(settings.get("rescale_factor", 1 / 255)),
        mean=tuple(settings.get("image_mean") or (_CLIP_MEAN if clip else (0.5, 0.5, 0.5))),
        std=tuple(settings.get("image_std") or (_CLIP_STD if clip else (0.5, 0.5, 0.5))),
    )
