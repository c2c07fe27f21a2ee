"""No network, a cache of our own, and models that are made once a session."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.models import tiny

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported

ROOT = Path(__file__).resolve().parents[2]
SIDES = ("left", "right")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where hashes are remembered: not in the developer's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QEMBED_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def quietly() -> Iterator[None]:
    """No bars on stderr while models are saved; one thread, as two only wait on a machine that is busy."""
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


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
