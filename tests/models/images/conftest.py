"""Tiny CLIP and SigLIP, made once for the module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.models.images import tiny_pictures


@pytest.fixture(scope="package")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Each layout of the two models: plain transformers, as saved today, as saved before 5.4."""
    top = tmp_path_factory.mktemp("towers")
    clip, siglip = tiny_pictures.clip(top / "clip"), tiny_pictures.siglip(top / "siglip")
    return {
        "clip": clip,
        "siglip": siglip,
        "clip-saved": tiny_pictures.as_saved_by_sentence_transformers(clip, top / "clip-saved"),
        "siglip-saved": tiny_pictures.as_saved_by_sentence_transformers(
            siglip, top / "siglip-saved"
        ),
        "siglip-python": tiny_pictures.with_sentencepiece(siglip, top / "siglip-python"),
        "clip-before": tiny_pictures.as_clip_of_before(clip, top / "clip-before"),
    }
