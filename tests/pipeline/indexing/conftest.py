"""An index with a graph of 2,000 passages, made once and copied."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from qembed.pipeline.indexing.options import GraphPolicy
from qembed.store import derived_files as files
from qembed.store import manifest as manifests
from tests.pipeline.conftest import index

WORDS = [f"word{i}" for i in range(300)]

NEVER = GraphPolicy(small_rows=0, lag=1e9)
"""Leaves a graph as it is."""


def fill(folder: Path, n: int, seed: int = 0) -> None:
    """Write `n` records of eight words, whose ids begin with the seed."""
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    lines = (
        f'{{"_id": "{seed}-{i}", "text": "{" ".join(rng.choice(WORDS, 8))}"}}\n' for i in range(n)
    )
    path = folder / f"r{seed}.jsonl"
    path.write_text("".join(lines))
    os.utime(path, (1.5e9, 1.5e9))


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    fill(folder / "docs", 2000)
    index(folder / "idx", folder / "docs")
    return folder


@pytest.fixture
def some(made: Path, tmp_path: Path) -> Path:
    """2,000 passages, indexed: a copy of its own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "idx"


def graph_stamp(root: Path) -> files.Stamp:
    stamp = files.current(root, manifests.read(root), files.GRAPH)
    assert stamp is not None
    return stamp
