"""Against a real server that others wrote: infinity, serving the embedded model and a tiny reranker.

Left out unless asked for: `make test-server` puts infinity into a virtual environment of its own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qembed.models import open_model, open_reranker
from qembed.models.builtin.source import builtin_folder
from tests.models import tiny
from tests.models.tiny import TEXTS

pytestmark = pytest.mark.server
INFINITY = os.environ.get("QEMBED_TEST_INFINITY", ".venv/infinity/bin/infinity_emb")
ENCODER, RERANKER = "all-MiniLM-L6-v2", "tiny-reranker"


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory, quietly: None) -> Path:
    return tiny.classifier(tmp_path_factory.mktemp("served") / RERANKER)


@pytest.fixture(scope="module")
def base(reranker: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address. Fails, and does not skip, if it cannot be started."""
    assert shutil.which(INFINITY), f"{INFINITY} is not there: make test-server"
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    command = [INFINITY, "v2", "--host", "127.0.0.1", "--port", str(port), "--engine", "torch"]
    command += ["--device", "cpu", "--no-bettertransformer", "--no-model-warmup"]
    for folder, name in ((builtin_folder("minilm"), ENCODER), (reranker, RERANKER)):
        command += ["--model-id", str(folder), "--served-model-name", name]
    # an embedding server of today wants OpenAI's prefix said
    command += ["--url-prefix", "/v1"]
    log = tmp_path_factory.mktemp("log") / "infinity"
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
    with log.open("wb") as f, subprocess.Popen(command, stdout=f, stderr=f, env=environment) as p:
        try:
            address = f"http://127.0.0.1:{port}/v1"
            until = time.monotonic() + 180
            while not ready(f"{address}/models"):
                assert p.poll() is None, log.read_text()[-3000:]
                assert time.monotonic() < until, log.read_text()[-3000:]
                time.sleep(0.5)
            yield address
        finally:
            p.terminate()
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_the_same_vectors_as_here(base: str) -> None:
    # infinity refuses empty texts, and cuts at the model's own 256 tokens as we do
    texts = [t for t in TEXTS if t.strip()] * 12
    model = open_model(f"{base}#{ENCODER}")
    here = open_model("minilm", device="cpu")
    assert (model.dim, model.profile.name) == (384, "all-MiniLM")
    expected = here.encoder().encode(texts)
    got = model.encoder().encode(texts)
    assert float((got * expected).sum(axis=1).min()) > 0.9999


def test_the_same_scores_as_here(base: str, reranker: Path) -> None:
    here = open_model("minilm")
    pairs = [(q, p) for q in ("fox", "the red planet") for p in TEXTS if p.strip()]
    expected = open_reranker(str(reranker), here, device="cpu").score(pairs)
    assert np.ptp(expected) > 0.1
    there = open_reranker(f"{base}#{RERANKER}", here)
    np.testing.assert_allclose(there.score(pairs), expected, rtol=0, atol=1e-4)
    assert there.calibrated
