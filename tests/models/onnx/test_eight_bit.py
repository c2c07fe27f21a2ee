"""Models by 8-bit products: near float32's, alone as in any batch; float32 where they cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from qembed.models import open_reranker
from qembed.models.environment import cpu
from qembed.models.folder_model import FolderModel
from qembed.models.onnx import eight_bit, eight_bit_graph
from qembed.models.onnx.cross_encoder import OnnxCrossEncoder
from qembed.models.onnx.encoder import OnnxEncoder
from qembed.models.onnx.prepare import cross_encoder, open_cross, prepare
from tests.models import tiny
from tests.models.exports import MIXED, make, model_in, never

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        eight_bit.FLAGS.isdisjoint(cpu().split()),
        reason="8-bit sums of this CPU's kernels overflow",
    ),
]


@pytest.fixture(autouse=True)
def tiny_products(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny models' matrices count as large."""
    monkeypatch.setattr(eight_bit_graph, "LEAST_WIDTH", tiny.WIDTH)


def encoder(model: FolderModel) -> OnnxEncoder:
    found = model.encoder()
    assert isinstance(found, OnnxEncoder)
    return found


def form(model: FolderModel) -> Path:
    return model.export_request().slot().folder / eight_bit.FOLDER


@pytest.mark.parametrize("family", ["mean-right", "qwen-right"])
def test_tokens_are_near_float32s_in_any_batch(exports: Any, family: str, tmp_path: Path) -> None:
    model, export = exports[family]
    own = export._replace(folder=shutil.copytree(export.folder, tmp_path / "export"))
    ours = OnnxEncoder(own, model.dim, model.max_tokens)
    approximate = ours.approximate()
    assert approximate is not ours
    assert approximate is ours.approximate()
    found = approximate.encode_tokens(MIXED)
    for text, one, other in zip(MIXED, found, ours.encode_tokens(MIXED), strict=True):
        assert 0.98 < (one * other).sum(axis=1).min() < 0.999999
        np.testing.assert_array_equal(approximate.encode_tokens([text])[0], one)


def test_late_takes_it_for_passages_alone(kept: FolderModel) -> None:
    scores = open_reranker("late", kept).score([("the red planet", t) for t in MIXED])
    float32, approximate = kept.token_encoder(), kept.token_encoder(approximate=True)
    assert approximate is not float32
    query = float32.encode_tokens(["the red planet"])[0]
    wanted = [(query @ p.T).max(axis=1).mean() for p in approximate.encode_tokens(MIXED)]
    np.testing.assert_allclose(scores, wanted, atol=1e-6)
    vectors = kept.encoder().encode(MIXED)  # as before
    np.testing.assert_array_equal(vectors, encoder(model_in(kept.folder.path)).encode(MIXED))


@pytest.mark.parametrize("integers", [True, False])
def test_a_cross_encoder_of_integer_weights_takes_it(
    integers: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quietly: None
) -> None:
    """Others stay as they are."""
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    folder = tiny.classifier(tmp_path / "model")
    if integers:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        for name, array in tensors.items():
            if array.ndim == 2 and ".layer." in name:
                scale = np.abs(array).max() / 127
                tensors[name] = np.rint(array / scale) * scale
        save_file(tensors, path, metadata={"format": "pt"})
    wanted = cross_encoder(folder, str(folder), "cpu")
    export = make(wanted, wanted.slot().folder)
    float32 = OnnxCrossEncoder(export)
    pairs = [(query, text) for query in ("fox", "red planet") for text in MIXED]
    ours, note = open_cross(wanted)
    assert ours is not None
    assert note is None
    form = export.folder / eight_bit.FOLDER
    assert form.is_dir() == integers
    logits = ours.logits(pairs)
    if not integers:
        np.testing.assert_array_equal(logits, float32.logits(pairs))
        failed = form.with_name(f"{eight_bit.FOLDER}.failed")
        reason = failed.read_text()
        assert "weights that are not 8-bit integers" in reason
        failed.write_text("earlier")
        prepare(wanted, pytest.fail, never)
        assert failed.read_text() == "earlier"
        prepare(wanted, pytest.fail, never, retry_failed=True)
        assert failed.read_text() == reason
        return
    assert not np.array_equal(logits, float32.logits(pairs))
    np.testing.assert_allclose(logits, float32.logits(pairs), rtol=0, atol=1e-3)
    np.testing.assert_array_equal(np.concatenate([ours.logits([p]) for p in pairs]), logits)
    shutil.rmtree(form)
    monkeypatch.setattr(eight_bit, "LARGEST_DIFFERENCE", 1e-12)
    np.testing.assert_array_equal(open_cross(wanted)[0].logits(pairs), float32.logits(pairs))


def test_it_is_made_once_and_again_where_it_was_altered(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []
    write = eight_bit.write_eight_bit

    def counted(source: Path, out: Path, output: str, sixteen: bool) -> None:
        made.append(out)
        write(source, out, output, sixteen)

    monkeypatch.setattr(eight_bit, "write_eight_bit", counted)

    def tokens() -> Any:
        return model_in(kept.folder.path).token_encoder(approximate=True).encode_tokens(["fox"])[0]

    first = tokens()
    np.testing.assert_array_equal(tokens(), first)
    assert len(made) == 1
    assert sorted(p.name for p in form(kept).iterdir()) == [
        "export.json",
        "model.onnx",
        "weights.bin",
    ]
    with (form(kept) / "weights.bin").open("r+b") as f:
        f.write(b"altered")
    (form(kept) / "export.json").unlink()  # a deletion that was killed
    np.testing.assert_array_equal(tokens(), first)
    np.testing.assert_array_equal(tokens(), first)
    assert len(made) == 2
    top = form(kept).parent.parent  # what a killed process leaves there, the next export sweeps
    assert {folder.parent.parent for folder in made} == {top}
    assert not list(top.rglob(".making-*"))


def test_another_process_made_it_meanwhile(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = eight_bit.write_eight_bit

    def slower(source: Path, out: Path, output: str, sixteen: bool) -> None:
        write(source, out, output, sixteen)
        shutil.copytree(out, form(kept))
        eight_bit.write_facts(form(kept), {"first": True})

    monkeypatch.setattr(eight_bit, "write_eight_bit", slower)
    assert encoder(kept).approximate() is not encoder(kept)
    assert '"first": true' in (form(kept) / "export.json").read_text()


def test_float32_where_it_cannot_be(kept: FolderModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, too little memory; another CPU; too far from float32, which is not tried again."""
    passing = iter(
        (
            OSError(28, "No space left on device"),
            MemoryError(),
            RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory"),
        )
    )

    def full(source: Path, out: Path, output: str, sixteen: bool) -> None:
        raise next(passing)

    def itself() -> bool:
        ours = encoder(model_in(kept.folder.path))
        return ours.approximate() is ours

    failed = form(kept).with_name(f"{eight_bit.FOLDER}.failed")
    with monkeypatch.context() as patch:
        patch.setattr(eight_bit, "write_eight_bit", full)
        assert itself()
        assert itself()
        assert itself()
    make = eight_bit._make

    def deleted(*given: Any) -> None:
        make(*given)
        shutil.rmtree(form(kept))

    with monkeypatch.context() as patch:  # by another process
        patch.setattr(eight_bit, "_make", deleted)
        assert itself()
    assert not failed.exists()
    with monkeypatch.context() as patch:
        patch.setattr(eight_bit, "cpu", lambda: "x86_64 avx2 fma")
        assert itself()
    with monkeypatch.context() as patch:
        patch.setattr(eight_bit, "LEAST_COSINE", 1.5)
        assert itself()
    assert "other vectors of tokens than float32" in failed.read_text()
    assert itself()
    assert not form(kept).exists()
