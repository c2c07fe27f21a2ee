"""Exported models: the same vectors as torch's, kept safely, and a good next best path for every mishap."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qembed.models import onnx_cache, onnx_export, onnx_prepare
from qembed.models.onnx_cache import Damaged, Export, slot
from qembed.models.onnx_encoder import OnnxEncoder
from qembed.models.onnx_prepare import Wanted, cross_encoder, open_cross, open_encoder, prepare
from qembed.models.rerank import Cross
from qembed.models.spec import FolderModel, open_model
from tests.models import reference, tiny
from tests.models.conftest import SIDES

MIXED = [t for t in tiny.TEXTS if t.strip()]
POOLINGS = {"mean": "mean_tokens", "cls": "cls_token"}


def never() -> bool:
    return False


def make(wanted: Wanted, out: Path) -> Export:
    """An export made in this process: an importer's 9 s are paid once for all tests."""
    out.mkdir(parents=True)
    request = {
        "kind": wanted.kind,
        "folder": str(wanted.folder),
        "out": str(out),
        "pooling": wanted.pooling,
        "max_tokens": wanted.max_tokens,
        "revision": wanted.revision,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(onnx_prepare.RUNTIME, "torch")
        onnx_export.make(request)
    return Export(out, json.loads((out / onnx_cache.FACTS).read_text()))


def model_in(folder: Path) -> FolderModel:
    model = open_model(str(folder), device="cpu")
    assert isinstance(model, FolderModel)
    return model


@pytest.fixture(scope="session")
def families(
    bert: Path, qwen: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """BERT with two poolings, Qwen3 with padding on both sides."""
    top = tmp_path_factory.mktemp("families")
    found = {
        name: tiny.with_modules(tiny.copy(bert, top / name), flag)
        for name, flag in POOLINGS.items()
    }
    return found | {f"qwen-{side}": qwen[side] for side in SIDES}


@pytest.fixture(scope="session")
def exports(
    families: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[FolderModel, Export]]:
    top = tmp_path_factory.mktemp("exports")
    models = {name: model_in(folder) for name, folder in families.items()}
    return {name: (m, make(m.wanted(), top / name)) for name, m in models.items()}


FAMILIES = [*POOLINGS, *(f"qwen-{side}" for side in SIDES)]


@pytest.fixture(params=FAMILIES)
def pair(request: Any, exports: Any, families: dict[str, Path]) -> tuple[Any, OnnxEncoder, Path]:
    """(torch's encoder, the exported one, the model's folder)."""
    model, export = exports[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(onnx_prepare.RUNTIME, "torch")
        theirs = model_in(families[request.param]).encoder()
    return theirs, OnnxEncoder(export, model.dim, model.max_tokens), families[request.param]


# ── the same vectors ─────────────────────────────────────────────────────────────────────────────


def test_vectors_are_torchs(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    theirs, ours, _ = pair
    np.testing.assert_allclose(ours.encode(MIXED), theirs.encode(MIXED), atol=1e-5)


def test_a_batch_of_one_is_a_mixed_batch(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    _, ours, _ = pair
    alone = np.concatenate([ours.encode([t]) for t in MIXED])
    np.testing.assert_allclose(alone, ours.encode(MIXED), atol=1e-5)


def test_vectors_are_those_of_the_formula(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    """With the end token kept where a text is cut: the reference cuts by hand."""
    _, ours, folder = pair
    model = model_in(folder)
    pooling = model.pooling
    wanted = reference.vectors(folder, MIXED, pooling, model.max_tokens)
    assert max(len(reference.token_ids(folder, t, 10**6)) for t in MIXED) > model.max_tokens
    np.testing.assert_allclose(ours.encode(MIXED), wanted, atol=1e-5)


def test_token_states_are_torchs(pair: tuple[Any, OnnxEncoder, Path]) -> None:
    theirs, ours, _ = pair
    for a, b in zip(ours.encode_tokens(MIXED), theirs.encode_tokens(MIXED), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_one_export_serves_all_dimensions(exports: Any, families: dict[str, Path]) -> None:
    model, export = exports["qwen-left"]
    whole = OnnxEncoder(export, model.dim, model.max_tokens).encode(MIXED)
    cut = OnnxEncoder(export, 32, model.max_tokens).encode(MIXED)
    wanted = reference.vectors(
        families["qwen-left"], MIXED, model.pooling, model.max_tokens, dim=32
    )
    np.testing.assert_allclose(cut, wanted, atol=1e-5)
    assert whole.shape == (len(MIXED), model.dim)


def test_small_and_large_batches_agree(exports: Any) -> None:
    """The two sessions of a graph: matrices as they are, and rearranged."""
    model, export = exports["mean"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    many = encoder.encode(["it rains in the harbour " * 12] * 40)
    assert len(encoder._graph._sessions) == 2
    np.testing.assert_allclose(
        many[7:8], encoder.encode(["it rains in the harbour " * 12]), atol=1e-5
    )


def test_tokens_are_counted_before_truncation(exports: Any) -> None:
    for model, export in exports.values():
        texts = [*tiny.TEXTS, "it rains " * 500]
        assert OnnxEncoder(export, model.dim, 16).count(texts) == model_in(model.folder.path).count(
            texts
        )


def test_progress_is_told(exports: Any) -> None:
    model, export = exports["mean"]
    seen: list[int] = []
    OnnxEncoder(export, model.dim, model.max_tokens).encode(MIXED * 30, seen.append)
    assert sum(seen) == len(MIXED) * 30
    assert len(seen) > 1


def test_no_texts(exports: Any) -> None:
    model, export = exports["mean"]
    encoder = OnnxEncoder(export, model.dim, model.max_tokens)
    assert encoder.encode([]).shape == (0, model.dim)
    assert encoder.encode_tokens([]) == []


# ── cross-encoders ───────────────────────────────────────────────────────────────────────────────

DAMAGE = ("cut", "altered", "gone")
PAIRS = [
    ("what is red", "Mars is the red planet."),
    ("what is red", "fox"),
    ("fox", "it rains " * 90),
    ("a query that is long " * 20, "and a passage that is long " * 20),
]


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> tuple[Path, Export]:
    top = tmp_path_factory.mktemp("cross")
    folder = tiny.classifier(top / "model")
    return folder, make(cross_encoder(folder, str(folder), "cpu"), top / "export")


def test_logits_are_torchs(crossing: tuple[Path, Export], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, export = crossing
    wanted = cross_encoder(folder, str(folder), "cpu")
    monkeypatch.setenv(onnx_prepare.RUNTIME, "torch")
    theirs = Cross(folder, "cpu")
    monkeypatch.delenv(onnx_prepare.RUNTIME)
    shutil.copytree(export.folder, wanted.slot().folder)
    ours = Cross(folder, "cpu")
    assert ours._exported is not None
    np.testing.assert_allclose(ours.logits(PAIRS), theirs.logits(PAIRS), atol=1e-4)
    np.testing.assert_allclose(ours.score(PAIRS), theirs.score(PAIRS), atol=1e-5)
    alone = np.concatenate([ours.logits([p]) for p in PAIRS])
    np.testing.assert_allclose(alone, ours.logits(PAIRS), atol=1e-4)
    shutil.rmtree(wanted.slot().top)
    assert open_cross(wanted)[0] is None


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def kept(exports: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderModel:
    """A model whose export lies in a cache of its own."""
    model, export = exports["mean"]
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    shutil.copytree(export.folder, model.wanted().slot().folder)
    return model_in(model.folder.path)


@pytest.fixture
def no_exporter(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fails the test where an exporter is started."""
    calls: list[str] = []

    def run(wanted: Wanted, out: Path, stop: Callable[[], bool]) -> tuple[int, str]:
        calls.append(wanted.name)
        return 1, "the exporter was started"

    monkeypatch.setattr(onnx_prepare, "_run", run)
    return calls


def test_an_export_is_used(kept: FolderModel, no_exporter: list[str]) -> None:
    assert kept.prepare(pytest.fail, never) is None
    assert isinstance(kept.encoder(), OnnxEncoder)
    assert kept.token_encoder() is kept.encoder()
    assert kept.note is None
    assert not no_exporter


def test_the_environment_can_ask_for_torch(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(onnx_prepare.RUNTIME, "torch")
    assert not isinstance(kept.encoder(), OnnxEncoder)
    assert kept.note is None


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        *((n, d) for n in ("model.onnx", "weights.bin", "tokenizer.json") for d in DAMAGE),
        *(("export.json", d) for d in DAMAGE if d != "gone"),  # without it there is no export
    ],
)
def test_a_damaged_export_is_not_used(kept: FolderModel, name: str, damage: str) -> None:
    path = kept.wanted().slot().folder / name
    data = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(data[:-9] if damage == "cut" else bytes([data[0] ^ 1]) + data[1:])
    with pytest.raises(Damaged):
        kept.wanted().slot().export()
    encoder, note = open_encoder(kept.wanted(), kept.dim)
    assert encoder is None
    assert note is not None
    assert f"torch is used (qembed models prepare {kept.spec}" in note


def test_a_damaged_export_ends_on_torch(kept: FolderModel) -> None:
    (kept.wanted().slot().folder / "model.onnx").write_bytes(b"no graph")
    assert kept.encoder().encode(["fox"]).shape == (1, kept.dim)
    assert "model.onnx was altered: torch is used" in (kept.note or "")


def test_a_graph_that_onnxruntime_refuses(kept: FolderModel) -> None:
    """The sums agree with what is no graph."""
    folder = kept.wanted().slot().folder
    (folder / "model.onnx").write_bytes(b"no graph")
    facts = json.loads((folder / "export.json").read_text())
    onnx_cache.write_facts(folder, facts)
    encoder, note = open_encoder(kept.wanted(), kept.dim)
    assert encoder is None
    assert "torch is used" in (note or "")


@pytest.mark.parametrize("changed", ["cpu", "version"])
def test_another_cpu_or_library(
    kept: FolderModel, changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_encoder(kept.wanted(), kept.dim)[0] is not None
    monkeypatch.setattr(onnx_cache, changed, lambda *_: "another")
    encoder, note = open_encoder(kept.wanted(), kept.dim)
    assert encoder is None
    assert "on another CPU or by other libraries" in (note or "")


def test_without_onnxruntime(kept: FolderModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_prepare, "version", lambda _: None)
    assert open_encoder(kept.wanted(), kept.dim) == (None, onnx_prepare.ABSENT)
    assert prepare(kept.wanted(), pytest.fail, never) == onnx_prepare.ABSENT


def test_onnxruntime_that_cannot_be_imported(
    kept: FolderModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    encoder, note = open_encoder(kept.wanted(), kept.dim)
    assert encoder is None
    assert "onnxruntime cannot be imported, torch is used" in (note or "")


def test_exports_are_for_the_cpu(kept: FolderModel, no_exporter: list[str]) -> None:
    kept.device = "cuda"
    assert open_encoder(kept.wanted(), kept.dim) == (None, None)
    assert "runs on torch here" in (prepare(kept.wanted(), pytest.fail, never) or "")
    assert not no_exporter


def test_another_pooling_is_another_export() -> None:
    assert slot("encoder", "r", "mean") == slot("encoder", "r", "mean")
    places = {
        slot(k, r, p).top for k in ("encoder", "cross") for r in "rs" for p in ("mean", "cls")
    }
    assert len(places) == 8


# ── making them ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def fresh(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderModel:
    """A model without an export, and an empty cache."""
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    return model_in(bert)


def test_a_process_of_its_own_exports(
    kept: FolderModel, python: Callable[[str], str], tmp_path: Path
) -> None:
    """The whole way, once: prepare from nothing; then a process that imports no torch encodes."""
    shutil.rmtree(kept.wanted().slot().top)
    said: list[str] = []
    assert kept.prepare(said.append, never) is None
    assert len(said) == 1
    assert said[0].startswith(f"exporting {kept.name} once")
    top = kept.wanted().slot().top
    assert sorted(p.name for p in top.iterdir()) == [kept.wanted().slot().folder.name, "lock"]
    printed = python(
        f"""
import sys
from qembed.models import open_model
model = open_model({str(kept.folder.path)!r}, device="cpu")
print(model.encoder().encode(["fox", "it rains"]).shape, len(model.token_encoder().encode_tokens(["fox"])))
print([m for m in ("torch", "transformers", "sentence_transformers") if m in sys.modules])
"""
    )
    assert printed.splitlines() == [f"(2, {kept.dim}) 1", "[]"]


def test_a_model_that_cannot_be_exported_is_tried_once(
    fresh: FolderModel, no_exporter: list[str]
) -> None:
    said: list[str] = []
    reason = fresh.prepare(said.append, never)
    assert reason == f"{fresh.name} cannot be exported and stays on torch: the exporter was started"
    assert fresh.encoder().encode(["fox"]).shape == (1, fresh.dim)
    assert fresh.note == reason
    assert len(no_exporter) == 1
    assert prepare(fresh.wanted(), pytest.fail, never) == reason
    assert len(no_exporter) == 1
    prepare(fresh.wanted(), said.append, never, again=True)
    assert len(no_exporter) == 2


class Refused(Exception):
    """What an exporter raises."""


def test_an_exporter_that_raises(fresh: FolderModel, tmp_path: Path) -> None:
    """A module that torch.export cannot trace: what it does depends on what is in the tensor."""
    import torch

    class Choosing(torch.nn.Module):
        def forward(self, ids: Any, mask: Any) -> Any:
            return (ids, ids) if int(ids.sum()) % 2 else (mask * 2, mask)

    with pytest.raises(Exception, match=r"(?i)export"):
        onnx_export._graph(Choosing(), ["input_ids", "attention_mask"], ["a", "b"], tmp_path)


def test_a_graph_that_disagrees_is_refused(exports: Any, tmp_path: Path) -> None:
    a = reference.unit(np.ones((2, 4), np.float32))
    onnx_export._same(a, a)
    b = a.copy()
    b[1] = reference.unit(np.array([1, 1, 1, 1.02]))
    with pytest.raises(onnx_export.Disagrees, match=r"cosine 0\.9999"):
        onnx_export._same(a, b)
    with pytest.raises(onnx_export.Disagrees, match=r"NaN|nan"):
        onnx_export._same(a, np.full_like(a, np.nan))
    with pytest.raises(onnx_export.Disagrees, match="1 vectors where torch gives 2"):
        onnx_export._same(a, a[:1])


def test_a_cache_that_cannot_be_written(
    bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_exporter: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way: root may write into read-only folders")
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "file"))
    model = model_in(bert)
    reason = model.prepare(pytest.fail, never)
    assert (reason or "").startswith(f"no export of {model.name}, torch is used:")
    assert model.encoder().encode(["fox"]).shape == (1, model.dim)
    assert model.note == reason
    assert not no_exporter


def test_a_full_disk(
    fresh: FolderModel, monkeypatch: pytest.MonkeyPatch, no_exporter: list[str]
) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    reason = fresh.prepare(pytest.fail, never)
    assert "has 0 MiB free" in (reason or "")
    assert fresh.wanted().slot().failure() is None
    assert not no_exporter


@pytest.mark.parametrize(
    ("code", "talk", "remembered"),
    [
        (-9, "", True),
        (-2, "", False),
        (-15, "", False),
        (1, "OSError: [Errno 28] No space left on device", False),
        (1, "Traceback\nRuntimeError: what is this", True),
    ],
)
def test_how_an_exporter_ends(
    fresh: FolderModel,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    talk: str,
    remembered: bool,
) -> None:
    monkeypatch.setattr(onnx_prepare, "_run", lambda *_: (code, talk))
    assert fresh.prepare(lambda _: None, never) is not None
    assert (fresh.wanted().slot().failure() is not None) == remembered
    assert not list(fresh.wanted().slot().top.glob(".making-*"))


def test_stopping_an_exporter(fresh: FolderModel) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    with pytest.raises(KeyboardInterrupt):
        fresh.prepare(lambda _: None, stop)
    assert fresh.wanted().slot().failure() is None
    assert not list(fresh.wanted().slot().top.glob(".making-*"))


LOCKING = """
import sys, time
from pathlib import Path
from qembed.models.onnx_cache import Slot, locked
with locked(Slot(Path(sys.argv[1])), lambda: None, lambda: False):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_waits_and_finds_the_export(
    kept: FolderModel, no_exporter: list[str]
) -> None:
    place = kept.wanted().slot()
    aside = place.top.with_name("aside")
    place.folder.rename(aside)
    with subprocess.Popen(
        [sys.executable, "-c", LOCKING, str(place.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "locked\n"
        said: list[str] = []

        def say(line: str) -> None:
            said.append(line)
            aside.rename(place.folder)  # what the other was doing
            other.stdin.close()  # type: ignore[union-attr]

        assert prepare(kept.wanted(), say, never) is None
        other.stdin = None
    assert said == [f"another process is exporting {kept.name}: waiting for it"]
    assert not no_exporter


def test_sweeping(kept: FolderModel) -> None:
    place = kept.wanted().slot()
    for n in range(5):
        shutil.copytree(place.folder, place.top / f"other{n}")
    (place.top / ".making-killed").mkdir()
    onnx_cache.sweep(place)
    left = sorted(p.name for p in place.top.iterdir())
    assert place.folder.name in left
    assert len([n for n in left if n.startswith("other")]) == onnx_cache.KEPT
    assert ".making-killed" not in left
