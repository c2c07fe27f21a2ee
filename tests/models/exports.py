"""Exports made in this process, and models that are looked up in the cache: what the ONNX tests share."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from qembed.models.folder_model import FolderModel
from qembed.models.model import Stop
from qembed.models.onnx import cache, prepare
from qembed.models.onnx.cache import Export
from qembed.models.onnx.prepare import ExportRequest
from qembed.models.onnx_export import export
from qembed.models.spec import open_model
from tests.models import tiny

MIXED = [t for t in tiny.TEXTS if t.strip()]


def never() -> bool:
    return False


def make(wanted: ExportRequest, out: Path) -> Export:
    """An export made in this process: an importer's 9 s are paid once for all tests."""
    out.mkdir(parents=True)
    request = {
        "kind": wanted.kind,
        "folder": str(wanted.folder),
        "out": str(out),
        "pooling": wanted.pooling,
        "max_tokens": wanted.max_tokens,
        "revision": wanted.revision,
        "role": wanted.role or "document",
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(prepare.RUNTIME, "torch")
        export.export_model(request)
    return Export(out, json.loads((out / cache.FACTS).read_text()))


def run_here(wanted: ExportRequest, out: Path, stop: Stop) -> tuple[int, str]:
    """In the place of `prepare.run_exporter`, where it does not matter which process exports."""
    out.rmdir()
    with warnings.catch_warnings(action="ignore"):
        make(wanted, out)
    return 0, ""


def model_in(folder: Path) -> FolderModel:
    model = open_model(str(folder), device="cpu")
    assert isinstance(model, FolderModel)
    return model


class Exports(Mapping[str, tuple[FolderModel, Export]]):
    """Models by name with their exports below `top`, each made when it is first asked for.

    `same`: name of a model -> name of the one whose export it has.
    """

    def __init__(self, top: Path, models: dict[str, FolderModel], same: dict[str, str]) -> None:
        self._top, self._models, self._same = top, models, same
        self._made: dict[str, Export] = {}

    def __getitem__(self, name: str) -> tuple[FolderModel, Export]:
        own = self._same.get(name, name)
        if own not in self._made:
            self._made[own] = make(self._models[own].export_request(), self._top / own)
        return self._models[name], self._made[own]

    def __iter__(self) -> Iterator[str]:
        return iter(self._models)

    def __len__(self) -> int:
        return len(self._models)
