"""What onnxruntime leaves in the home folder, and sends, is nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_onnxruntime_leaves_nothing_in_the_home_folder(tmp_path: Path) -> None:
    program = "from qembed.models.onnx.runtime import import_onnxruntime as f; f().InferenceSession"
    kept = {k: v for k, v in os.environ.items() if k not in ("ORT_DISABLE_TELEMETRY", "CI")}
    subprocess.run(
        [sys.executable, "-c", program],
        env={**kept, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []
