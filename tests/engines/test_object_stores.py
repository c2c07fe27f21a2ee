"""Folders of buckets, through the real clients, on servers that others wrote: moto, an emulator of GCS.

Left out unless asked for: `make test-server` puts them into a virtual environment of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import STORES

pytestmark = pytest.mark.server
ROOT = Path(__file__).resolve().parents[2]


def test_a_folder_of_a_bucket(store: tuple[str, dict[str, str]]) -> None:
    place, env = store
    done = subprocess.run(
        [STORES / "python", "-m", "tests.engines.object_stores", place],
        env={**os.environ, **env, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    missing = [said.pop(name) for name in list(said) if name.startswith(("missing", "no bucket"))]
    assert said == {
        "new": [],
        "written": None,
        "replaced": None,
        "names": ["one"],
        "names after another's 100": ["one", "two"],
        "another's 100": "x" * 100,
        "names after another's 1": ["one", "two"],
        "another's 1": "y",
    }
    for message in missing:
        assert "of the encoded shards" in message or "the encoded shards at" in message
        assert "not found: " in message or "does not exist" in message, message
    assert "Traceback" not in done.stderr
