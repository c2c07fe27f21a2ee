"""Folders of buckets, through the real clients, on servers that others wrote: moto, an emulator of GCS.

Left out unless asked for: `make test-server` puts them into a virtual environment of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.server
STORES = Path(os.environ.get("QEMBED_TEST_STORES", ".venv/stores/bin")).absolute()
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(params=["s3", "gs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Address of a new bucket and the environment for it. Fails, and does not skip, if no server starts."""
    assert (STORES / "moto_server").exists(), f"{STORES} is not there: make test-server"
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    if request.param == "s3":
        command = ["moto_server", "-p", str(port)]
        env = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": "us-east-1"}
        env |= {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "a-secret"}
        bucket = urllib.request.Request(f"{url}/help", method="PUT")
    else:
        command = ["gcp-storage-emulator", "start", "--host=127.0.0.1", f"--port={port}"]
        command += ["--in-memory", "--default-bucket=help"]
        env = {"STORAGE_EMULATOR_HOST": url}
        bucket = urllib.request.Request(f"{url}/storage/v1/b/help")
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([str(STORES / command[0]), *command[1:]], stdout=log, stderr=log) as p,
    ):
        try:
            until = time.monotonic() + 60
            while True:
                try:
                    urllib.request.urlopen(bucket, timeout=5).close()
                    break
                except OSError:
                    assert p.poll() is None, (tmp_path / "log").read_text()
                    assert time.monotonic() < until, (tmp_path / "log").read_text()
                    time.sleep(0.2)
            yield f"{request.param}://help/a/folder", env
        finally:
            p.terminate()


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
