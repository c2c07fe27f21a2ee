"""A Milvus server for the session, an index with metadata of every kind to export, servers of buckets."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Shell

STORES = Path(os.environ.get("QEMBED_TEST_STORES", ".venv/stores/bin")).absolute()
"""Programs of the environment with clients and servers of object stores."""
SERVER = "import sys; from milvus_lite.cmdline import main; main()"
TOPICS = (
    "refunds arrive within five working days",
    "a parcel is tracked by its number on the page",
    "a locked account opens again after an hour",
    "invoices are sent by mail each month",
    "退款会在五个工作日内到账",
    "the getUserName call returns E-1042 for guests",
)


def records(n: int = 60) -> list[dict[str, Any]]:
    """Records whose metadata are text, numbers, truths, lists, of several types, nested, or missing."""
    found = []
    for i in range(n):
        meta: dict[str, Any] = {
            "topic": f"t{i % 6}",
            "year": 2000 + i % 13,
            "note": f'a "b" \\ {i % 4}%_',
        }
        if i % 2:
            meta |= {"price": i / 4, "open": i % 4 == 1}
        if i % 3 == 0:
            meta["tags"] = ["red", f"tag {i % 5}"] if i % 6 else []
        if i % 5 == 0:
            meta |= {"mixed": i if i % 10 else f"m{i}", "inner": {"deep": i % 4}}
        text = f"{TOPICS[i % 6]}, case {i} of {i % 7}. {' '.join(TOPICS[: i % 4])}".strip()
        found.append({"_id": f"d{i}", "title": f"Case {i % 9}", "text": text, "metadata": meta})
    return found


def write_records(shell: Shell, docs: list[dict[str, Any]], name: str = "docs.jsonl") -> None:
    shell.write(name, "".join(json.dumps(d, ensure_ascii=False) + "\n" for d in docs))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@pytest.fixture(scope="session")
def milvus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a server that runs for the session."""
    port = free_port()
    folder = tmp_path_factory.mktemp("milvus")
    arguments = ["server", "--data-dir", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, "-u", "-c", SERVER, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert "listening" in process.stdout.readline()
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def exported(shell: Shell) -> Shell:
    """An index of records, with a deleted one, that is to be exported."""
    write_records(shell, records())
    assert shell("index", "docs.jsonl").code == 0
    return shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    folder = tmp_path / "work"
    folder.mkdir()
    return Shell(folder)


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
        env = {"STORAGE_EMULATOR_HOST": url, "GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT": "false"}
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
