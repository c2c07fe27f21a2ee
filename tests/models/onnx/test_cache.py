"""Kept exports: which of them are believed, and the next best path where one is not."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from qembed.models.folder_model import FolderModel
from qembed.models.onnx import cache
from qembed.models.onnx import prepare as onnx_prepare
from qembed.models.onnx.cache import ExportDamaged, export_slot
from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.onnx.prepare import open_encoder, prepare
from tests.models.exports import never

DAMAGE = ("cut", "altered", "gone")


def test_an_export_is_used(kept: FolderModel, no_exporter: list[str]) -> None:
    assert kept.prepare(pytest.fail, never) is None
    assert isinstance(kept.encoder(), OnnxEncoder)
    assert kept.token_encoder() is kept.encoder()
    assert kept.note is None
    assert not no_exporter


def test_the_environment_can_ask_for_torch(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QEMBED_RUNTIME", "torch")
    assert not isinstance(kept.encoder(), OnnxEncoder)
    assert kept.note is None
    said = prepare(kept.export_request(), pytest.fail, never) or ""
    assert "runs on torch here: QEMBED_RUNTIME is torch (without it, an export is made)" in said


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((n, d) for n in ("model.onnx", "weights.bin", "tokenizer.json") for d in DAMAGE),
        *(("export.json", d) for d in DAMAGE if d != "gone"),  # without it there is no export
    ],
)
def test_a_damaged_export_is_not_used(kept: FolderModel, name: str, damage: str) -> None:
    path = kept.export_request().slot().folder / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-9] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(ExportDamaged):
        kept.export_request().slot().export()
    encoder, note = open_encoder(kept.export_request(), kept.dim)
    assert encoder is None
    assert note is not None
    assert f"torch is used (qembed models prepare {kept.spec}" in note


def test_a_damaged_export_ends_on_torch(kept: FolderModel) -> None:
    (kept.export_request().slot().folder / "model.onnx").write_bytes(b"no graph")
    assert kept.encoder().encode(["fox"]).shape == (1, kept.dim)
    assert "model.onnx was altered: torch is used" in (kept.note or "")


def test_a_graph_that_onnxruntime_refuses(kept: FolderModel) -> None:
    """The sums agree with what is no graph."""
    folder = kept.export_request().slot().folder
    (folder / "model.onnx").write_bytes(b"no graph")
    facts = json.loads((folder / "export.json").read_text())
    cache.write_facts(folder, facts)
    encoder, note = open_encoder(kept.export_request(), kept.dim)
    assert encoder is None
    assert "torch is used" in (note or "")


@pytest.mark.parametrize("changed", ["cpu", "version"])
def test_another_cpu_or_library(
    kept: FolderModel, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_encoder(kept.export_request(), kept.dim)[0] is not None
    monkeypatch.setattr(cache, changed, lambda *_: "another")
    encoder, note = open_encoder(kept.export_request(), kept.dim)
    assert encoder is None
    assert "on another CPU or by other libraries" in (note or "")


def test_without_onnxruntime(kept: FolderModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_prepare, "version", lambda _: None)
    assert open_encoder(kept.export_request(), kept.dim) == (None, onnx_prepare.ABSENT)
    assert prepare(kept.export_request(), pytest.fail, never) == onnx_prepare.ABSENT


def test_onnxruntime_that_cannot_be_imported(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder, note = open_encoder(kept.export_request(), kept.dim)
    assert encoder is None
    assert "onnxruntime cannot be imported, torch is used" in (note or "")


@pytest.mark.parametrize(
    ("device", "why"), [("cuda", "the device is cuda"), (None, "a GPU was found")]
)
def test_exports_are_for_the_cpu(
    kept: FolderModel,
    no_exporter: list[str],
    monkeypatch: pytest.MonkeyPatch,
    device: str | None,
    why: str,
) -> None:
    monkeypatch.setattr(onnx_prepare, "accelerator", lambda: True)
    kept.device = device
    assert open_encoder(kept.export_request(), kept.dim) == (None, None)
    said = prepare(kept.export_request(), pytest.fail, never) or ""
    assert f"{why}, and an export is for the CPU (QEMBED_DEVICE=cpu makes one)" in said
    assert not no_exporter


def test_another_pooling_is_another_export() -> None:
    assert export_slot("encoder", "r", "mean") == export_slot("encoder", "r", "mean")
    places = {
        export_slot(k, r, p).top
        for k in ("encoder", "cross")
        for r in "rs"
        for p in ("mean", "cls")
    }
    assert len(places) == 8


def test_sweeping(kept: FolderModel) -> None:
    place = kept.export_request().slot()
    for n in range(5):
        shutil.copytree(place.folder, place.top / f"other{n}")
    (place.top / ".making-killed").mkdir()
    cache.sweep(place)
    left = sorted(p.name for p in place.top.iterdir())
    assert place.folder.name in left
    assert len([n for n in left if n.startswith("other")]) == cache.KEPT_EXPORTS
    assert ".making-killed" not in left
