"""No network, a cache of our own, and models that are made once a session."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.models import tiny

if TYPE_CHECKING:
    from qembed.models.folder_model import FolderModel
    from qembed.models.onnx.cache import Export
    from qembed.models.onnx.prepare import ExportRequest

Write = Callable[[str], str]

OWN_ENCODER = """
import numpy as np

class Encoder:
    {attributes}
    def encode(self, texts):
        return np.tile(np.array([[0, 1, 0]], dtype=np.float32), (len(texts), 1))

def factory():
    return Encoder()

other = 3

def empty():
    return object()
"""

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("left", "right")
POOLINGS = {"mean": "mean_tokens", "cls": "cls_token"}
FAMILIES = [
    *(f"{p}-{side}" for p in POOLINGS for side in SIDES),
    *(f"qwen-{side}" for side in SIDES),
]


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where hashes are remembered: not in the developer's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    """A bare BERT under a name that no profile knows."""
    return tiny.bert(tmp_path_factory.mktemp("bert") / "nobody-knows")


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> dict[str, Path]:
    """Padding side -> a bare Qwen3. Only the side differs."""
    top = tmp_path_factory.mktemp("qwen")
    return {side: tiny.qwen(top / side / "Qwen3-Embedding-0.6B", side) for side in SIDES}


@pytest.fixture(scope="session")
def families(
    bert: Path, qwen: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """BERT with two poolings, and Qwen3: each with padding on both sides."""
    top = tmp_path_factory.mktemp("families")
    found = {f"qwen-{side}": qwen[side] for side in SIDES}
    for pooling, flag in POOLINGS.items():
        for side in SIDES:
            name = f"{pooling}-{side}"
            found[name] = tiny.with_modules(tiny.copy(bert, top / name), flag)
            tiny.change(found[name], "tokenizer_config.json", padding_side=side)
    return found


@pytest.fixture(scope="session")
def exports(
    families: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, tuple[FolderModel, Export]]:
    """Their exports, each made when it is first asked for.

    A graph knows nothing of padding sides: BERT's left ones have the right ones'.
    """
    from tests.models.exports import Exports, model_in

    models = {name: model_in(folder) for name, folder in families.items()}
    return Exports(
        tmp_path_factory.mktemp("exports"), models, {f"{p}-left": f"{p}-right" for p in POOLINGS}
    )


@pytest.fixture
def kept(exports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderModel:
    """A model whose export lies in a cache of its own."""
    from tests.models.exports import model_in

    model, export = exports["mean-right"]
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    shutil.copytree(export.folder, model.export_request().slot().folder)
    return model_in(model.folder.path)


@pytest.fixture
def no_exporter(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An exporter that fails, and remembers for which models it was started."""
    from qembed.models.onnx import prepare

    calls: list[str] = []

    def run(wanted: ExportRequest, out: Path, stop: Callable[[], bool]) -> tuple[int, str]:
        calls.append(wanted.name)
        return 1, "the exporter was started"

    monkeypatch.setattr(prepare, "run_exporter", run)
    return calls


@pytest.fixture(scope="session")
def python() -> Callable[[str], str]:
    """Runs a program in an interpreter of its own; gives what it printed."""

    def run(program: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes mine.py into the current folder; gives the spec."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def to(attributes: str = "pass") -> str:
        (tmp_path / "mine.py").write_text(OWN_ENCODER.format(attributes=attributes))
        sys.modules.pop("mine", None)
        importlib.invalidate_caches()
        return "py:mine:factory"

    yield to
    sys.modules.pop("mine", None)
