"""`qembed train dual` on coloured shapes: learned, killed and resumed, opened as a model, exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from qembed.cli.render.training import verdict_lines
from qembed.errors import ModelUnavailable, UsageError
from qembed.models import open_model
from qembed.pipeline.progress import Progress
from qembed.training.dual.fit import FitOptions
from qembed.training.dual.run import DualJob, train_dual
from tests.models import shapes as model_shapes
from tests.models import tiny
from tests.models.exports import make, model_in
from tests.training.dual.shapes import COLOURS, SHAPES, draw, write_shapes

pytestmark = pytest.mark.slow
OPTIONS = FitOptions(epochs=16, batch=32, learning_rate=4e-3, patience=16, seed=1)
CAPTIONS = [f"{c} {s}" for c in COLOURS for s in SHAPES]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes"))


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    """Model of texts with a random vector for each word, a text has their mean."""
    top = tmp_path_factory.mktemp("words")
    tiny.wordpiece(top / "bare", CAPTIONS)
    return model_shapes.saved(
        top / "bare", top / "words", lambda b: [model_shapes.static(b), model_shapes.normalize()]
    )


@pytest.fixture(scope="module")
def trained(
    pairs: Path, words: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Folder of a pair, and the JSON of its training."""
    out = tmp_path_factory.mktemp("trained") / "pair"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_RUNTIME", "torch")
        body = train_dual(job(pairs, words, out))
    return out, body


def job(pairs: Path, model: Path, out: Path, **given: Any) -> DualJob:
    chosen = {"size": 32, "held_out": 0.3, "fit": OPTIONS, **given}
    return DualJob(pairs=pairs, out=out, model=str(model), **chosen)


def test_held_out_texts_find_their_pictures(trained: tuple[Path, dict[str, Any]]) -> None:
    out, body = trained
    new = body["verdict"]["new"]
    assert body["written"]
    assert new["after"] > 2 * new["chance"]
    assert new["gain"] > 0
    assert new["p"] <= 0.05
    assert body["settings"]["losses"][1] < body["settings"]["losses"][0]
    images = body["verdict"]["images"]
    assert images["pictures"] == new["pictures"]
    assert images["gain"] == pytest.approx(images["nearest"] - images["pixels"])
    assert images["low"] <= images["gain"] <= images["high"]
    shown = list(verdict_lines(body["verdict"]))
    assert [line[:15].rstrip() for line in shown] == ["new texts", "by chance", "alike"]
    assert f"{new['after']:.4f}" in shown[0]
    assert f"{new['pictures']} pictures" in shown[1]
    assert f"{images['nearest']:.4f} have one of their group nearest" in shown[2]
    assert not out.with_name("pair.training").exists()
    card = (out / "README.md").read_text()
    assert "qembed train dual" in card
    assert "pairs.jsonl" in card
    assert "| image_tower | compact |" in card
    assert (
        f"| held out | {body['settings']['pairs']['test']} pairs; no pair of their groups" in card
    )


def test_the_folder_is_a_model_of_texts_and_pictures(
    trained: tuple[Path, dict[str, Any]], words: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    model, base = open_model(str(trained[0])), open_model(str(words))
    assert model.supports("image")
    assert model.image_recipe == trained[1]["settings"]["image_recipe"]
    assert model.revision != base.revision  # another tower of pictures is another model
    texts = model.encoder().encode(CAPTIONS)
    np.testing.assert_allclose(texts, base.encoder().encode(CAPTIONS), atol=1e-6)
    rng = np.random.default_rng(9)
    images = [draw(c, s, rng) for c in COLOURS for s in SHAPES]
    vectors = model.image_encoder().encode_images(images)
    first = (vectors @ texts.T).argmax(axis=1)
    assert (first == np.arange(len(CAPTIONS))).mean() > 0.3


def test_a_tower_of_another_width_is_refused(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = tiny.copy(trained[0], tmp_path / "pair")
    tower = folder / "image" / "tower.json"
    tower.write_text(tower.read_text().replace('"dim": 32', '"dim": 31'))
    with pytest.raises(ModelUnavailable, match="pictures have 31 dimensions, its texts 32"):
        open_model(str(folder)).image_encoder()
    (folder / "image" / "model.safetensors").write_bytes(b"no weights")
    tower.write_text(tower.read_text().replace('"dim": 31', '"dim": 32'))
    with pytest.raises(ModelUnavailable, match="image cannot be loaded"):
        open_model(str(folder)).image_encoder()


def test_the_tower_is_exported_and_gives_torchs_vectors(
    trained: tuple[Path, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    images = [draw(c, s, rng).resize((40, 50)) for c in COLOURS for s in SHAPES[:2]]
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    theirs = open_model(str(trained[0])).image_encoder().encode_images(images)
    monkeypatch.delenv("QEMBED_RUNTIME")
    model = model_in(trained[0])
    make(model.image_request(), model.image_request().slot().folder)
    ours = model.image_encoder().encode_images(images)
    assert model.note is None
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    one = np.concatenate([model.image_encoder().encode_images([i]) for i in images])
    np.testing.assert_allclose(one, theirs, atol=1e-5)


def test_a_killed_training_goes_on_to_the_same_weights(
    trained: tuple[Path, dict[str, Any]],
    pairs: Path,
    words: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")

    class Killed(Progress):
        """Kills the training after 21 steps, in the middle of an epoch."""

        steps = 0
        killed = False

        def advance(self, n: int) -> None:
            self.steps += n

        def phase(self, what: str, unit: str, total: int | None) -> None:
            self.steps = 0
            self.what = what

        def stop(self) -> bool:
            self.killed = self.what == "train" and self.steps == 21
            return self.killed

    out = tmp_path / "pair"
    killed = Killed()
    with pytest.raises(KeyboardInterrupt):
        train_dual(job(pairs, words, out), killed)
    assert killed.killed
    assert not out.exists()
    (tmp_path / "pair.training" / "checkpoint-99").mkdir()  # written when it was killed
    body = train_dual(job(pairs, words, out))
    assert body["settings"]["resumed"]
    ours, theirs = (load_file(p / "image" / "model.safetensors") for p in (out, trained[0]))
    assert all((ours[name] == theirs[name]).all() for name in theirs)
    assert body["verdict"] == trained[1]["verdict"]


def test_a_vision_model_from_a_folder_and_texts_that_learn_too(
    pairs: Path, teachable: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    torch.manual_seed(0)
    sizes = {"hidden_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = ViTConfig(**sizes, intermediate_size=32, image_size=32, patch_size=8)
    ViTModel(config).save_pretrained(tmp_path / "vit")
    ViTImageProcessorPil(size={"height": 32, "width": 32}).save_pretrained(tmp_path / "vit")
    fit = FitOptions(epochs=1, batch=90, seed=0)
    body = train_dual(
        job(
            pairs,
            teachable,
            tmp_path / "pair",
            tower=str(tmp_path / "vit"),
            train_text=True,
            anyway=True,
            fit=fit,
        )
    )
    assert body["written"]
    model, base = open_model(str(tmp_path / "pair")), open_model(str(teachable))
    moved = np.abs(model.encoder().encode(["red bar"]) - base.encoder().encode(["red bar"])).max()
    assert 1e-6 < moved < 0.5
    vectors = model.image_encoder().encode_images([draw("red", "bar", np.random.default_rng(0))])
    assert vectors.shape == (1, base.dim)
    assert json.loads((tmp_path / "pair" / "image" / "tower.json").read_text())["kind"] == (
        "transformers"
    )


def test_choices_that_cannot_be(pairs: Path, words: Path, tmp_path: Path) -> None:
    out = tmp_path / "pair"
    for given, message in (
        ({"size": 4}, "--size 4"),
        ({"fit": FitOptions(epochs=0)}, "--epochs 0"),
        ({"fit": FitOptions(patience=0)}, "--patience 0"),
        ({"tower": "resnet"}, "--image-tower resnet"),
        ({"tower": "torchvision:resnet18"}, "need torchvision"),
    ):
        with pytest.raises(UsageError, match=message):
            train_dual(job(pairs, words, out, **given))
    with pytest.raises(UsageError, match="it is there already"):
        train_dual(job(pairs, words, tmp_path))
