"""Making exports: in a process of its own, once, by one at a time, and what is said when it fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.models.folder_model import FolderModel
from qembed.models.onnx import prepare as onnx_prepare
from qembed.models.onnx.prepare import prepare
from tests.models.exports import model_in, never

pytestmark = pytest.mark.slow


@pytest.fixture
def fresh(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderModel:
    """A model without an export, and an empty cache."""
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    return model_in(bert)


def test_a_process_of_its_own_exports(
    kept: FolderModel, python: Callable[[str], str], tmp_path: Path
) -> None:
    """The whole way, once: prepare from nothing; then a process that imports no torch encodes."""
    shutil.rmtree(kept.export_request().slot().top)
    said: list[str] = []
    assert kept.prepare(said.append, never) is None
    assert len(said) == 1
    assert said[0].startswith(f"exporting {kept.name} once")
    top = kept.export_request().slot().top
    assert sorted(p.name for p in top.iterdir()) == [
        kept.export_request().slot().folder.name,
        "lock",
    ]
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
    assert prepare(fresh.export_request(), pytest.fail, never) == reason
    assert len(no_exporter) == 1
    prepare(fresh.export_request(), said.append, never, retry_failed=True)
    assert len(no_exporter) == 2


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
    assert fresh.export_request().slot().failure() is None
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
    monkeypatch.setattr(onnx_prepare, "run_exporter", lambda *_: (code, talk))
    assert fresh.prepare(lambda _: None, never) is not None
    assert (fresh.export_request().slot().failure() is not None) == remembered
    assert not list(fresh.export_request().slot().top.glob(".making-*"))


def test_stopping_an_exporter(fresh: FolderModel) -> None:
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    with pytest.raises(KeyboardInterrupt):
        fresh.prepare(lambda _: None, stop)
    assert fresh.export_request().slot().failure() is None
    assert not list(fresh.export_request().slot().top.glob(".making-*"))


LOCKING = """
import sys, time
from pathlib import Path
from qembed.models.onnx.cache import Slot, locked
with locked(Slot(Path(sys.argv[1])), lambda: None, lambda: False):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_waits_and_finds_the_export(
    kept: FolderModel, no_exporter: list[str]
) -> None:
    place = kept.export_request().slot()
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

        assert prepare(kept.export_request(), say, never) is None
        other.stdin = None
    assert said == [f"another process is exporting {kept.name}: waiting for it"]
    assert not no_exporter
