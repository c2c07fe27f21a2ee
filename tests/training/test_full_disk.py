"""A disk that is full in the middle of a training: a message, and the last checkpoint as it was."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.losses import LOSSES, OBJECTIVES
from qembed.training.encoder.trainer import train
from qembed.training.rows import Row
from qembed.training.training_loop import TrainingOptions

pytestmark = pytest.mark.slow
TEXTS = [f"fox {i} jumps over dog {i * 7 % 10}" for i in range(24)]
CHILD = """
import resource, signal, sys
from pathlib import Path
from qembed.errors import StorageError
from qembed.pipeline.progress import Progress
from qembed.training.encoder.encoder_folder import load_trainable
from qembed.training.encoder.trainer import train
import tests.training.test_full_disk as here
loss, options, rows = here.loss, here.options, here.rows

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for name, room in here.ROOM.items():
    steps = 0
    def step(n):
        global steps
        steps += n
        if steps == 3:  # the second checkpoint finds no room
            limit = int(room * here.size(sys.argv[1]))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    model, _ = load_trainable(sys.argv[1])
    work = Path(sys.argv[2]) / name
    try:
        train(model, loss(name), rows(name), [], options(), work, Progress(advance=step))
    except StorageError as e:
        print(f"{name} refused:", e)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
ROOM = {"mnr": 1.2, "tsdae": 0.5}
"""Of the weights; the optimizer's state is twice that."""


def size(model: str | Path) -> int:
    """Bytes of a model's weights."""
    return (Path(model) / "model.safetensors").stat().st_size


def options() -> TrainingOptions:
    return TrainingOptions(epochs=2, batch=6, learning_rate=1e-3, save_steps=2)


def loss(name: str):  # type: ignore[no-untyped-def]
    return {**LOSSES, **OBJECTIVES}[name]


def rows(name: str) -> list[Row]:
    texts = TEXTS * (2 if name == "tsdae" else 1)
    return [Row((t.replace("jumps", ""), t), frozenset([t]), frozenset([t])) for t in texts]


@pytest.fixture(scope="module")
def refused(teachable: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Folders of the trainings, and what a process printed that ran one after the other: 9 s are imports."""
    folder = tmp_path_factory.mktemp("full")
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(teachable), str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done.stdout.splitlines()


@pytest.mark.parametrize("name", ROOM)
def test_the_last_checkpoint_is_whole(
    teachable: Path, refused: tuple[Path, list[str]], name: str
) -> None:
    work = refused[0] / name
    (told,) = (line for line in refused[1] if line.startswith(f"{name} refused: "))
    assert told.startswith(f"{name} refused: {work}"), told
    assert "earlier checkpoints are kept" in told
    model, _ = load_trainable(str(teachable))
    again = train(model, loss(name), rows(name), [], options(), work)
    assert again["resumed"]
    assert again["steps"] == 8
