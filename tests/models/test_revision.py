"""The content hash: what changes it, what does not, and the cache that saves the hashing."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from qembed.models import cache_folder, open_model
from qembed.models import model_folder as files_module
from qembed.models.checksums import file_sha256
from tests.models import tiny


def revision(folder: Path) -> str:
    return open_model(str(folder)).revision


@pytest.fixture
def copy(bert: Path, tmp_path: Path) -> Path:
    return tiny.with_modules(tiny.copy(bert, tmp_path / "copy"), "mean_tokens")


def test_two_names_of_one_model_agree(copy: Path, tmp_path: Path) -> None:
    first = revision(copy)
    assert len(first) == 64
    int(first, 16)
    assert revision(tiny.copy(copy, tmp_path / "BAAI--bge-small-en-v1.5")) == first
    linked = tmp_path / "linked"
    linked.symlink_to(copy)
    assert revision(linked) == first
    snapshot = tmp_path / "snapshot"  # as the hub's cache has it: a folder of links
    for path in copy.rglob("*"):
        to = snapshot / path.relative_to(copy)
        if path.is_file():
            to.parent.mkdir(parents=True, exist_ok=True)
            to.symlink_to(path)
    assert revision(snapshot) == first


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "modules.json",
        "1_Pooling/config.json",
    ],
)
def test_any_change_of_content_is_another_model(copy: Path, name: str) -> None:
    before = revision(copy)
    path = copy / name
    data = path.read_bytes()
    path.write_bytes(data.rstrip() + b" \n")
    assert revision(copy) != before
    path.write_bytes(data)
    assert revision(copy) == before


def test_trained_further_under_its_name(copy: Path) -> None:
    """Same size, same names, other numbers."""
    before = revision(copy)
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    assert revision(copy) != before


@pytest.mark.parametrize(
    "name", ["sentence_bert_config.json", "vocab.txt", "vocab.json", "merges.txt", "spiece.model",
             "2_Dense/config.json", "2_Dense/model.safetensors", "model-2.safetensors"],
)  # fmt: skip
def test_a_file_that_matters_more(copy: Path, name: str) -> None:
    before = revision(copy)
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("{}")
    assert revision(copy) != before


def test_files_that_do_not_matter(copy: Path) -> None:
    before = revision(copy)
    (copy / "README.md").write_text("# A model")
    (copy / "pytorch_model.bin").write_bytes(b"never read")
    (copy / "onnx").mkdir()
    (copy / "onnx" / "model.onnx").write_bytes(b"never read")
    tiny.change(copy, "config_sentence_transformers.json", prompts={"query": "Q: "})
    assert revision(copy) == before


def test_case_folding_of_the_tokenizer_is_content(copy: Path) -> None:
    """`do_lower_case` of tokenizer_config.json goes before tokenizer.json: other vectors."""
    import numpy as np

    def seen() -> tuple[str, np.ndarray]:
        model = open_model(str(copy), device="cpu")
        return model.revision, model.encoder().encode(["The RED Planet"])

    before, lower = seen()
    tiny.change(copy, "tokenizer_config.json", do_lower_case=False)
    after, upper = seen()
    assert not np.allclose(lower, upper, atol=1e-2)
    assert before != after


# ── the cache ────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def blob(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(b"content")
    return path


SHA = hashlib.sha256(b"content").hexdigest()


def test_a_hash_is_remembered(cache: Path, blob: Path) -> None:
    assert file_sha256(blob) == SHA
    (entry,) = (cache / "sha256").iterdir()
    assert entry.read_text() == SHA
    entry.write_text("f" * 64)  # the only way to see that it was read and not made again
    assert file_sha256(blob) == "f" * 64
    linked = blob.with_name("linked")
    linked.symlink_to(blob)
    assert file_sha256(linked) == "f" * 64


def test_a_changed_file_is_hashed_again(cache: Path, blob: Path) -> None:
    file_sha256(blob)
    stat = blob.stat()
    blob.write_bytes(b"CONTENT")
    os.utime(blob, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    assert file_sha256(blob) == hashlib.sha256(b"CONTENT").hexdigest()


def test_a_replaced_file_is_hashed_again(cache: Path, blob: Path) -> None:
    """Same name, size and time, as `cp -p` and a rename leave it."""
    file_sha256(blob)
    stat = blob.stat()
    other = blob.with_name("other")
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(blob)
    assert file_sha256(blob) == hashlib.sha256(b"CONTENT").hexdigest()


@pytest.mark.parametrize("remembered", [b"", b"half a ha", b"\xff" * 64])
def test_a_damaged_entry_is_made_again(cache: Path, blob: Path, remembered: bytes) -> None:
    file_sha256(blob)
    (entry,) = (cache / "sha256").iterdir()
    entry.write_bytes(remembered)
    assert file_sha256(blob) == SHA
    assert entry.read_text() == SHA


def test_a_cache_that_cannot_be_written_is_ignored(
    cache: Path, blob: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.write_text("a file where the folder should be")
    assert file_sha256(blob) == SHA
    unwritable = revision(copy)
    monkeypatch.setenv("QEMBED_CACHE", str(cache.with_name("elsewhere")))
    assert revision(copy) == unwritable


def test_a_disk_that_is_full_is_ignored(
    cache: Path, blob: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files_module.Path, "write_text", full)
    assert file_sha256(blob) == SHA
    assert list((cache / "sha256").iterdir()) == []


def test_where_it_lies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QEMBED_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    for unset in (None, ""):
        if unset is None:
            monkeypatch.delenv("QEMBED_CACHE")
        else:
            monkeypatch.setenv("QEMBED_CACHE", unset)
        assert cache_folder().name == "qembed"
        assert cache_folder().is_absolute()
