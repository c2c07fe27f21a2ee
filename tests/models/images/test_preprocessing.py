"""Pictures to pixels: against steps written out here, and against the processors of transformers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qembed.errors import ModelUnavailable
from qembed.models.images.preprocessing import Preprocessing, from_settings
from qembed.pipeline.diagnostics.models import show_model
from tests.models.images.tiny_pictures import pictures

CLIP = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 24},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 24, "width": 20},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_std": [0.26862954, 0.26130258, 0.27577711],
}
SQUARE = {
    "image_processor_type": "SiglipImageProcessor",
    "size": {"height": 18, "width": 30},
    "resample": 2,
    "image_mean": [0.5, 0.4, 0.5],
    "image_std": [0.5, 0.5, 0.3],
}


def by_hand(image: Image.Image) -> Any:
    """CLIP's steps, one pixel after another in float64."""
    width, height = image.size
    size = (24, int(24 * height / width)) if width <= height else (int(24 * width / height), 24)
    scaled = np.array(image.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
    top, left = (size[1] - 24) // 2, (size[0] - 20) // 2
    part = scaled[top : top + 24, left : left + 20] / 255
    return np.stack(
        [
            (part[:, :, c] - CLIP["image_mean"][c]) / CLIP["image_std"][c]  # type: ignore[index]
            for c in range(3)
        ]
    )


def test_steps_of_clip_by_hand() -> None:
    steps = from_settings(CLIP, "here")
    found = steps.pixels(pictures())
    assert found.shape == (len(pictures()), 3, 24, 20)
    assert found.dtype == np.float32
    for row, picture in zip(found, pictures(), strict=True):
        np.testing.assert_allclose(row, by_hand(picture), atol=1e-6)


@pytest.mark.parametrize("settings", [CLIP, SQUARE])
@pytest.mark.slow
def test_steps_of_transformers(settings: dict[str, Any]) -> None:
    from transformers import CLIPImageProcessorPil, SiglipImageProcessorPil

    theirs = CLIPImageProcessorPil if settings is CLIP else SiglipImageProcessorPil
    processor = theirs(**{k: v for k, v in settings.items() if k != "image_processor_type"})
    want = processor(pictures(), return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(from_settings(settings, "here").pixels(pictures()), want, atol=1e-6)


def test_the_recipe_names_each_step_and_changes_with_it() -> None:
    steps = from_settings(CLIP, "here")
    assert steps.recipe == (
        "bicubic shorter side 24, middle 24 x 20, x 0.0039215686, "
        "mean 0.48145466 0.4578275 0.40821073, std 0.26862954 0.26130258 0.27577711"
    )
    others = [
        {**CLIP, "size": {"shortest_edge": 25}},
        {**CLIP, "resample": 2},
        {**CLIP, "crop_size": {"height": 24, "width": 24}},
        {**CLIP, "image_mean": [0.5, 0.5, 0.5]},
        {**CLIP, "rescale_factor": 1.0},
    ]
    recipes = {from_settings(s, "here").recipe for s in others}
    assert len(recipes) == len(others)
    assert steps.recipe not in recipes


@pytest.mark.slow
def test_models_show_names_the_steps(folders: dict[str, Path]) -> None:
    shown = show_model(str(folders["clip-before"]), None, "a")
    assert shown["pictures"].startswith("bicubic shorter side 32, middle 32 x 32, x 0.0039215686")
    assert shown["problem"] is None
    broken = Path(shutil.copytree(folders["siglip"], folders["siglip"].with_name("padded")))
    settings = json.loads((broken / "preprocessor_config.json").read_text())
    (broken / "preprocessor_config.json").write_text(json.dumps({**settings, "do_pad": True}))
    shown = show_model(str(broken), None, "a")
    assert shown["pictures"] is None
    assert "pictures are prepared in a way not known here (do_pad)" in shown["problem"]


def test_old_settings_hold_numbers_for_sizes() -> None:
    old = {**CLIP, "size": 24, "crop_size": 24}
    assert from_settings(old, "here").shape == (24, 24)
    assert from_settings({**SQUARE, "size": 16}, "here").shape == (16, 16)


def test_own_settings_are_read_back() -> None:
    for steps in (from_settings(CLIP, "here"), Preprocessing(40, 40)):
        assert from_settings(steps.as_settings(), "here") == steps


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({**CLIP, "do_resize": False}, "do_resize"),
        ({**CLIP, "do_pad": True}, "do_pad"),
        ({**CLIP, "do_center_crop": False}, "pictures of several shapes"),
        ({**CLIP, "resample": 77}, "resample 77"),
        ({"image_mean": [0.5]}, "size"),
        ({"size": {"longest_edge": 9}}, "height"),
    ],
)
def test_steps_that_are_not_known(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelUnavailable, match=rf"models/x: .*not known here.*{re.escape(reason)}"):
        from_settings(settings, "models/x")
