"""Trainings of a tiny model: they learn, repeat, resume after a kill, and say when they collapse."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.errors import StorageError, UsageError
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import encode, load_trainable
from qembed.training.encoder.losses import LOSSES, make_loss
from qembed.training.encoder.trainer import train
from qembed.training.encoder.verdict import worse
from qembed.training.judging import ALIKE, Side, mean_cosine
from qembed.training.training_loop import TrainingOptions
from tests.models import shapes, tiny
from tests.training.planted import DOCUMENTS, rows

FAST = TrainingOptions(epochs=12, batch=8, learning_rate=2e-3, freeze=-1)


def right_order(model: Any) -> float:
    """Share of the rows whose positive is nearer to the query than the negative."""
    query, positive, negative = (encode(model, [r.texts[i] for r in rows()]) for i in range(3))
    return float(((query * positive).sum(axis=1) > (query * negative).sum(axis=1)).mean())


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_each_loss_learns(teachable: Path, tmp_path: Path, name: str) -> None:
    loss = LOSSES[name]
    label = None if not loss.teacher else 8.0 if loss.form == "triplet" else (0.95, 0.05)
    model, _ = load_trainable(str(teachable))
    assert right_order(model) < 0.8
    done = train(model, loss, rows(loss.form, label), [], FAST, tmp_path / "work")
    assert done["epochs"] == 12
    assert right_order(model) > 0.9
    assert mean_cosine(encode(model, list(DOCUMENTS.values()))) < ALIKE


@pytest.mark.slow
def test_positives_alone_collapse(teachable: Path, tmp_path: Path) -> None:
    alone = [row for row in rows("pair") if row.label == 1.0]
    model, _ = load_trainable(str(teachable))
    options = TrainingOptions(loss="cosine", epochs=12, batch=8, learning_rate=5e-3, freeze=-1)
    before = Side({}, encode(model, list(DOCUMENTS.values())))
    train(model, LOSSES["cosine"], alone, [], options, tmp_path / "work")
    vectors = encode(model, list(DOCUMENTS.values()))
    assert mean_cosine(vectors) > ALIKE
    reason = worse({"new": {"gain": 0.1}, "kept": None}, before, Side({}, vectors))
    assert reason is not None
    assert "the vectors are all alike" in reason
    assert "the training collapsed, as it may without negatives" in reason


def weights(model: Any) -> dict[str, Any]:
    return {k: v.detach().numpy().copy() for k, v in model.state_dict().items()}


@pytest.mark.slow
def test_a_seed_gives_the_same_model_and_frozen_parts_stay(teachable: Path, tmp_path: Path) -> None:
    options = TrainingOptions(epochs=1, batch=8, learning_rate=1e-3, freeze=1, seed=4)
    found = []
    start: dict[str, Any] = {}
    for i in range(2):
        model, _ = load_trainable(str(teachable))
        start = weights(model)
        train(model, LOSSES["mnr"], rows(), [], options, tmp_path / f"work-{i}")
        found.append(weights(model))
    moved = set()
    for name, value in found[0].items():
        np.testing.assert_array_equal(value, found[1][name], err_msg=name)
        if not np.array_equal(value, start[name]):
            moved.add(name)
    assert not [n for n in moved if "embeddings" in n or ".layer.0." in n]
    assert any(".layer.1." in n for n in moved)
    with pytest.raises(UsageError, match="--freeze 9: the model has 2 layers"):
        train(model, LOSSES["mnr"], rows(), [], TrainingOptions(freeze=9), tmp_path / "x")


@pytest.mark.slow
def test_lora_leaves_a_plain_model(teachable: Path, tmp_path: Path) -> None:
    model, _ = load_trainable(str(teachable))
    names = set(model.state_dict())
    options = TrainingOptions(epochs=20, batch=8, learning_rate=5e-3, lora=16)
    train(model, LOSSES["mnr"], rows(), [], options, tmp_path / "work")
    assert set(model.state_dict()) == names
    assert right_order(model) > 0.9
    model.save_pretrained(str(tmp_path / "out"))
    again, _ = load_trainable(str(tmp_path / "out"))
    texts = list(DOCUMENTS.values())
    np.testing.assert_allclose(encode(again, texts), encode(model, texts), atol=1e-6)


@pytest.mark.slow
def test_adapters_that_were_stopped_go_on_to_the_same_model(
    teachable: Path, tmp_path: Path
) -> None:
    options = TrainingOptions(epochs=2, batch=8, learning_rate=5e-3, lora=4, save_steps=2)
    parts = rows()[:40], rows()[40:]
    found = []
    for _ in range(2):  # the seed draws the adapters too
        model, _ = load_trainable(str(teachable))
        done = train(model, LOSSES["mnr"], *parts, options, tmp_path / "whole")
        shutil.rmtree(tmp_path / "whole")
        found.append(weights(model))
    steps: list[int] = []
    stop = Progress(advance=steps.append, stop=lambda: len(steps) >= 5)
    model, _ = load_trainable(str(teachable))
    with pytest.raises(KeyboardInterrupt):
        train(model, LOSSES["mnr"], *parts, options, tmp_path / "half", stop)
    model, _ = load_trainable(str(teachable))
    resumed = train(model, LOSSES["mnr"], *parts, options, tmp_path / "half")
    assert (resumed["resumed"], resumed["steps"]) == (True, done["steps"])
    for name, value in weights(model).items():
        np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)
        np.testing.assert_allclose(value, found[0][name], atol=1e-6, err_msg=name)


OPTIONS = TrainingOptions(epochs=3, batch=8, learning_rate=1e-3, save_steps=2)
CHILD = """
import os, sys
from pathlib import Path
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.losses import LOSSES
from qembed.training.encoder.trainer import train
from qembed.training.training_loop import TrainingOptions
from tests.training.planted import rows

for work in sys.argv[2:]:  # a fork for each: to import torch takes longer than to train
    if child := os.fork():
        os.waitpid(child, 0)
        print("ended", flush=True)
        continue
    print(os.getpid(), flush=True)
    model, _ = load_trainable(sys.argv[1])
    options = TrainingOptions(epochs=3, batch=8, learning_rate=1e-3, save_steps=2)
    progress = Progress(advance=lambda n: print(n, flush=True))
    train(model, LOSSES["mnr"], rows(), [], options, Path(work), progress)
    os._exit(0)
"""
KILLED_AFTER = (3, 8)
"""Steps: between two checkpoints, and as one is being written."""


@pytest.fixture(scope="module")
def uninterrupted(teachable: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Vectors of DOCUMENTS by the model of a training that nothing stopped."""
    whole, _ = load_trainable(str(teachable))
    train(whole, LOSSES["mnr"], rows(), [], OPTIONS, tmp_path_factory.mktemp("whole"))
    return encode(whole, list(DOCUMENTS.values()))


@pytest.fixture(scope="module")
def killed(
    teachable: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[int, tuple[Path, list[int]]]:
    """Steps of KILLED_AFTER -> the folder of a training that was killed then, and what it told."""
    works = [tmp_path_factory.mktemp("killed") for _ in KILLED_AFTER]
    found = {}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(teachable), *map(str, works)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        for steps, work in zip(KILLED_AFTER, works, strict=True):
            child = int(next(parent.stdout))
            told = [int(next(parent.stdout)) for _ in range(steps)]
            os.kill(child, signal.SIGKILL)
            while (line := next(parent.stdout)) != "ended\n":
                told.append(int(line))  # of a step that ended meanwhile
            found[steps] = work, told
    return found


@pytest.mark.slow
@pytest.mark.parametrize("steps", KILLED_AFTER)
def test_a_killed_training_goes_on(
    teachable: Path,
    uninterrupted: np.ndarray,
    killed: dict[int, tuple[Path, list[int]]],
    steps: int,
) -> None:
    work, told = killed[steps]
    half = work / "checkpoint-998"  # one that was being written
    shutil.copytree(max(work.glob("checkpoint-*/trainer_state.json")).parent, half)
    (half / "trainer_state.json").unlink()
    model, _ = load_trainable(str(teachable))
    again: list[int] = []
    progress = Progress(advance=again.append)
    done = train(model, LOSSES["mnr"], rows(), [], OPTIONS, work, progress)
    assert done["resumed"]
    assert 0 <= sum(told) - again[0] <= 2  # steps that were lost: one interval at most
    assert not half.exists()
    cosines = (encode(model, list(DOCUMENTS.values())) * uninterrupted).sum(axis=1)
    assert cosines.min() > 0.9999
    # another training does not go on from there
    model, _ = load_trainable(str(teachable))
    other = TrainingOptions(epochs=1, batch=8, learning_rate=2e-3)
    said: list[str] = []
    done = train(model, LOSSES["mnr"], rows(), [], other, work, Progress(warn=said.append))
    assert not done["resumed"]
    assert len(said) == 1
    assert said[0].startswith(f"{work}: checkpoints of another training are discarded")
    assert f"learning rate {OPTIONS.learning_rate}, now 0.002" in said[0]
    assert "other" not in said[0].partition("(")[2]


@pytest.mark.slow
def test_a_stop_keeps_a_checkpoint(teachable: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    notes: list[str] = []
    stop = Progress(advance=steps.append, note=notes.append, stop=lambda: len(steps) >= 3)
    model, _ = load_trainable(str(teachable))
    with pytest.raises(KeyboardInterrupt):
        train(model, LOSSES["mnr"], rows(), [], FAST, tmp_path / "work", stop)
    assert [note.split()[0] for note in notes] == ["loss"] * 3
    assert (tmp_path / "work" / "checkpoint-3" / "trainer_state.json").is_file()


@pytest.mark.slow
def test_the_best_epoch_is_kept(teachable: Path, tmp_path: Path) -> None:
    model, _ = load_trainable(str(teachable))
    options = TrainingOptions(epochs=30, batch=8, learning_rate=0.05, patience=1, freeze=-1)
    done = train(model, LOSSES["mnr"], rows()[:40], rows()[40:], options, tmp_path / "work")
    assert done["epochs"] < 30
    # killed before the model was written: the same epoch, and no step more
    again, _ = load_trainable(str(teachable))
    ended = train(again, LOSSES["mnr"], rows()[:40], rows()[40:], options, tmp_path / "work")
    assert (ended["resumed"], ended["steps"]) == (True, done["steps"])
    for name, value in weights(again).items():
        np.testing.assert_array_equal(value, weights(model)[name], err_msg=name)


@pytest.mark.slow
def test_large_batches_have_the_gradients_of_small_ones(teachable: Path) -> None:
    """Computed in parts, with cached gradients, which are those of the whole."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    columns = [[row.texts[i] for row in rows()] for i in range(3)]
    found = []
    for cached in (True, False):
        model, _ = load_trainable(str(teachable))
        model.eval()
        loss = make_loss(LOSSES["mnr"], model, len(rows()))
        assert type(loss).__name__ == "CachedMultipleNegativesRankingLoss"
        if not cached:
            loss = MultipleNegativesRankingLoss(model, scale=20.0)
        value = loss([model.preprocess(c) for c in columns], None)
        value.backward()
        gradients = {n: p.grad.numpy() for n, p in model.named_parameters() if p.grad is not None}
        found.append((value.item(), gradients))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-5)
    assert found[0][1].keys() == found[1][1].keys()
    for name, value in found[0][1].items():
        np.testing.assert_allclose(value, found[1][1][name], atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_models_that_cannot_be_trained(models: tuple[Path, Path], tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shapes.saved(tiny.bert(bare), tmp_path / "static", lambda b: [shapes.static(b)])
    for spec, message in (
        (str(tmp_path / "static"), "a table of static vectors"),
        ("py:tests.encoders:bag", "its weights are not here"),
        ("http://localhost:1/v1#m", "its weights are not here"),
        ("late", "its weights are not here"),
        ("./none", "no such model folder"),
        (str(bare), "no folder of sentence-transformers"),
    ):
        with pytest.raises(UsageError, match=message):
            load_trainable(spec)


def test_a_folder_that_cannot_be_written(teachable: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model, _ = load_trainable(str(teachable))
    with pytest.raises(StorageError, match="cannot be written"):
        train(model, LOSSES["mnr"], rows(), [], FAST, tmp_path / "file" / "work")


@pytest.mark.parametrize(
    "field", ["epochs", "batch", "learning_rate", "lora", "freeze", "save_steps", "temperature"]
)
def test_options_out_of_range(field: str) -> None:
    with pytest.raises(UsageError, match="out of range"):
        TrainingOptions(**{field: -2}).check()


@pytest.mark.slow
def test_an_anchored_model_moves_less(teachable: Path, tmp_path: Path) -> None:
    def moved(**more: Any) -> float:
        model, _ = load_trainable(str(teachable))
        start = weights(model)
        options = TrainingOptions(epochs=1, batch=8, learning_rate=1e-3, freeze=-1, **more)
        old = rows()[:16] if "anchor_by" in more else []
        train(model, LOSSES["mnr"], rows(), [], options, tmp_path / str(len(done)), None, old)
        done.append(0)
        return sum(float(((v - start[k]) ** 2).sum()) for k, v in weights(model).items()) ** 0.5

    done: list[int] = []
    free, held, tight = moved(), moved(anchor=3.0), moved(anchor=100.0)
    assert tight < held < free
    assert tight < 0.5 * free
    # by importance: weights that old rows do not need move as before
    assert tight < moved(anchor=100.0, anchor_by="ewc") < free
