"""A Ray cluster of two nodes on this machine, each a process that a test may kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.engines.conftest import free_port

ROOT = Path(__file__).resolve().parents[3]
OBJECT_STORE = 80_000_000
"""Bytes of memory for objects of each node: about the least that Ray takes."""
STARTS_IN = 120


class Node:
    """`ray start --block` in a process group of its own, with its log. `env`: variables of its own."""

    def __init__(self, folder: Path, name: str, env: Mapping[str, str], *options: str) -> None:
        self.log = folder / f"{name}.log"
        env = {
            **os.environ,
            **env,
            # Ray's own half a minute is not enough on a busy machine
            "RAY_raylet_start_wait_time_s": str(STARTS_IN),
            "RAY_USAGE_STATS_ENABLED": "0",
            # a local run of Ray leaves a token in the home, which the head would want and nodes do not send
            "RAY_AUTH_MODE": "disabled",
            "BAG_FAULT": "nan",
            "PYTHONPATH": f"{ROOT}:{folder}",
        }
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    *(str(Path(sys.executable).parent / "ray"), "start", "--block"),
                    *("--num-cpus=1", f"--object-store-memory={OBJECT_STORE}"),
                    *("--disable-usage-stats", f"--dashboard-agent-listen-port={free_port()}"),
                    *options,
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=env,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL for the node and every process of it, as when a machine loses its power."""
        for pid in self.descendants():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait(timeout=30)

    def descendants(self) -> list[int]:
        """The node's processes, with `ray start` itself; Ray gives some a session of their own."""
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
        found = [self.process.pid]
        for pid in found:
            found += children.get(pid, [])
        return found

    def pool_workers(self) -> list[int]:
        """Processes of the node's actors that encode."""
        return [pid for pid in self.descendants() if "ray::MapWorker" in _title(pid)]


def _title(pid: int) -> str:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


class Cluster:
    """Head and second node. `address`: for programs on this machine; `client`: for any program.

    `env`: of the nodes alone; `start_up`: what Python runs at its start, there and in programs at hand of it.
    """

    def __init__(self, env: Mapping[str, str] | None = None, start_up: str = "") -> None:
        # a socket's path has to be short, so it cannot lie in pytest's folders
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))
        self.env = env or {}
        if start_up:
            (self.folder / "sitecustomize.py").write_text(start_up)
        port, client = free_port(), free_port()
        self.address, self.client = f"127.0.0.1:{port}", f"ray://127.0.0.1:{client}"
        self.head = Node(
            self.folder,
            "head",
            self.env,
            "--head",
            f"--port={port}",
            f"--ray-client-server-port={client}",
            "--node-ip-address=127.0.0.1",
            "--include-dashboard=false",
            f"--temp-dir={self.folder / 's'}",
        )
        try:
            self._wait(self.head)
            self.second = self.add_node()
        except BaseException:
            self.head.kill()
            raise

    def add_node(self) -> Node:
        options = (f"--address={self.address}", "--node-ip-address=127.0.0.1")
        for attempt in range(3):  # Ray gives up by itself where a machine is busy
            node = Node(self.folder, f"node{time.monotonic_ns()}", self.env, *options)
            try:
                self._wait(node)
                return node
            except RuntimeError:
                node.kill()
                if attempt == 2:
                    raise
        raise AssertionError

    @staticmethod
    def _wait(node: Node) -> None:
        """Until `ray start` says that the node runs."""
        until = time.monotonic() + STARTS_IN
        while "Ray runtime started" not in node.log.read_text():
            if node.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(node.log.read_text())
            time.sleep(0.1)

    def close(self) -> None:
        for node in (self.second, self.head):
            node.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


FAULTY = "py:tests.encoders:faulty"
"""Gives no vector for texts with "poison"; the nodes' environment says so too."""


class Done(NamedTuple):
    code: int
    out: str
    err: str


TIMES = ("uid", "created", "refreshed", "committed", "crc")
"""Fields of the manifest that are the run's own, and its checksum, which covers them."""


def start(
    cluster: Cluster | None, folder: Path, *args: str, model: str = FAULTY
) -> subprocess.Popen[str]:
    """`qembed index docs` in `folder`, with the cluster at hand."""
    paths = [str(ROOT), *([str(cluster.folder)] if cluster else [])]
    env = {**os.environ, "PYTHONPATH": ":".join(paths), "QEMBED_CACHE": str(folder / "cache")}
    env["BAG_FAULT"] = "nan"
    if cluster is not None:
        env["RAY_ADDRESS"] = cluster.address
    return subprocess.Popen(
        [sys.executable, "-m", "qembed", "index", "docs", *args, "--model", model],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> Done:
    out, err = process.communicate(timeout=300)
    return Done(process.returncode, out, err)


def index(cluster: Cluster | None, folder: Path, *args: str, model: str = FAULTY) -> Done:
    return finish(start(cluster, folder, *args, model=model))


def content(root: Path) -> dict[str, object]:
    """Bytes of shards and of the documents file, and the manifest without times."""
    manifest = json.loads((root / "manifest.json").read_text())
    found: dict[str, object] = {k: v for k, v in manifest.items() if k not in TIMES}
    for path in [*root.glob("shards/*"), *root.glob("documents-*")]:
        found[f"bytes of {path.relative_to(root)}"] = path.read_bytes()
    return found


def corpus(folder: Path) -> None:
    """Records of a few passages, some alike, and files; all older than what a run doubts."""
    (folder / "docs").mkdir(parents=True)
    lines = [
        {
            "id": str(i),
            "title": f"title {i % 7}",
            "text": " ".join(f"w{(i * 7 + k) % 900}" for k in range(300)),
        }
        for i in range(1300)
    ]
    (folder / "docs" / "records.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    for i in range(40):
        text = f"# Guide {i}\n\n" + "\n\n".join(
            f"Paragraph {i} {k} of the guide." * 30 for k in range(5)
        )
        (folder / "docs" / f"guide{i}.md").write_text(text)
    (folder / "docs" / "poison.txt").write_text("this one is poison")
    (folder / "docs" / "broken.jsonl").write_text('{"id": "x", "text": "fine"}\n{"id": \n')
    for path in (folder / "docs").iterdir():
        os.utime(path, (1_600_000_000, 1_600_000_000))


@pytest.fixture(scope="package")  # its processes are not idle: they end before other tests
def cluster() -> Iterator[Cluster]:
    found = Cluster()
    yield found
    found.close()
