"""Documents and passages without a manifest: lost, or left by a first run that never committed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qembed.errors import IndexDamaged, NoIndex
from qembed.store import Writer, manifest
from tests.store.helpers import A, contents, files, make


class Killed(BaseException):
    """Stands for a killed process."""


class Deadly:
    """Calls of the operating system, of which the first `left` are done and the next one kills."""

    def __init__(self, real: Callable[..., object], left: int) -> None:
        self.real = real
        self.left = left

    def __call__(self, *args: object) -> object:
        self.left -= 1
        if self.left < 0:
            raise Killed
        return self.real(*args)


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    """An index of which a copy without its manifest is all that is left."""
    make(tmp_path / "idx", A)
    (tmp_path / "idx" / "manifest.json").unlink()
    return tmp_path / "idx"


def test_what_was_committed_is_left_as_it_is(committed: Path) -> None:
    before = files(committed)
    assert "documents-00000001.parquet" in before
    for act in (manifest.read, Writer, manifest.require_index):
        with pytest.raises(IndexDamaged, match=r"manifest.json is missing.*: documents-00000001"):
            act(committed)
    assert files(committed) == before


@pytest.mark.parametrize("left", ["documents-00000001.parquet", "shards/00000001-0000.parquet"])
def test_a_part_of_it_is_enough(committed: Path, left: str) -> None:
    for name in files(committed) - {left}:
        (committed / name).unlink()
    if left.startswith("documents"):
        shutil.rmtree(committed / "shards")
    with pytest.raises(IndexDamaged, match=left):
        Writer(committed)
    assert (committed / left).exists()


def test_what_can_be_made_again_makes_no_index(committed: Path) -> None:
    (committed / "documents-00000001.parquet").unlink()
    shutil.rmtree(committed / "shards")
    with pytest.raises(NoIndex):
        manifest.read(committed)
    make(committed, A)
    assert contents(committed) == A


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
@pytest.mark.slow
def test_a_first_run_killed_at_any_write_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Until the first commit nothing is lost, also between the documents and the manifest."""
    with_documents = 0
    for n in range(100):
        root = tmp_path / f"{n}"
        with monkeypatch.context() as patch:
            patch.setattr(os, call, Deadly(getattr(os, call), n))
            try:
                make(root, A)
            except Killed:
                pass
            else:
                break
        if not (root / "manifest.json").exists():
            with_documents += (root / "documents-00000001.parquet").exists()
            with pytest.raises(NoIndex):
                manifest.read(root)
        Writer(root).close()  # sweeps, and may be killed in turn
        assert make(root, A).generation <= 2
        assert contents(root) == A
        assert "first-run" not in files(root)
    else:
        pytest.fail("it never came to its end")
    assert "first-run" not in files(root)
    assert with_documents
