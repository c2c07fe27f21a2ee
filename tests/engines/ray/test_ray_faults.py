"""Faults of a cluster: a process, a machine, the program itself, a text that kills (`make cluster`)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.ray.conftest import Cluster, Done, content, corpus, finish, index, start

pytestmark = pytest.mark.cluster

SLOW = """
import os, time
from pathlib import Path
from tests.encoders import FaultyBag

class Slow(FaultyBag):
    name, version = "slow-bag", "1"

    def encode(self, texts):
        if (Path(__file__).parent / "slowly").exists():
            time.sleep(0.003 * len(texts))
        if any("deadly" in t for t in texts) and "RAY_JOB_ID" in os.environ:
            os._exit(9)
        return super().encode(texts)

def make():
    return Slow()
"""
MODEL = "py:slow_bag:make"


@pytest.fixture(scope="module")
def world(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus with its index made by one machine, `here`."""
    (cluster.folder / "slow_bag.py").write_text(SLOW)
    folder = tmp_path_factory.mktemp("faults")
    corpus(folder)
    done = index(cluster, folder, "--index", "here", model=MODEL)
    assert done.code == 4, done.err
    (cluster.folder / "slowly").touch()
    return folder


def files(folder: Path) -> dict[str, int]:
    """Names of finished files, with their times."""
    return {p.name: p.stat().st_mtime_ns for p in folder.glob("*.arrow")}


def run_with(
    cluster: Cluster, world: Path, name: str, fault: Callable[[], object], *engine: str
) -> Done:
    """Index on the cluster, with a fault after the first file."""
    shards = world / f"shards-{name}"
    process = start(cluster, world, "--index", name, "--shards", str(shards), *engine, model=MODEL)
    until = time.monotonic() + 120
    while not files(shards):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    fault()
    return finish(process)


def same(world: Path, name: str) -> bool:
    return content(world / "here") == content(world / name)


def test_a_killed_worker_is_replaced(cluster: Cluster, world: Path) -> None:
    killed: list[int] = []

    def fault() -> None:
        for node in (cluster.head, cluster.second):
            killed.extend(node.pool_workers())
        os.kill(killed[0], signal.SIGKILL)

    done = run_with(cluster, world, "worker", fault, "--engine", "ray")
    assert done.code == 4, done.err
    assert killed
    assert same(world, "worker")


def test_a_killed_program_resumes(cluster: Cluster, world: Path) -> None:
    shards = world / "shards-driver"
    process = start(
        cluster,
        world,
        *("--index", "driver", "--shards", str(shards), "--engine", "ray"),
        model=MODEL,
    )
    until = time.monotonic() + 120
    while len(files(shards)) < 2:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (world / "driver" / "manifest.json").exists()
    before = files(shards)
    done = index(
        cluster,
        world,
        *("--index", "driver", "--shards", str(shards), "--engine", "ray"),
        model=MODEL,
    )
    assert done.code == 4, done.err
    after = files(shards)
    assert len(after) > len(before)
    assert {name: after[name] for name in before} == before
    assert same(world, "driver")


def test_a_text_that_kills_is_reported(cluster: Cluster, world: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("some harmless words")
    (tmp_path / "docs" / "b.txt").write_text("this one is deadly")
    (tmp_path / "docs" / "c.txt").write_text("more harmless words")
    done = index(cluster, tmp_path, "--index", "killed", "--engine", "ray", model=MODEL)
    assert done.code == 4, done.err
    assert "b.txt: every process of the cluster died" in done.err
    assert done.out.startswith("2 added, 1 failed"), "Ray's own lines are on stderr"
    again = index(cluster, tmp_path, "--index", "killed", model=MODEL)
    assert again.code == 0, again.err


def test_a_lost_machine_is_done_without(cluster: Cluster, world: Path) -> None:
    done = run_with(cluster, world, "node", cluster.second.kill, "--engine", "ray")
    cluster.second = cluster.add_node()
    assert done.code == 4, done.err
    assert same(world, "node")


def test_a_client_server_gives_the_same(cluster: Cluster, world: Path) -> None:
    done = index(cluster, world, "--index", "client", "--engine", cluster.client, model=MODEL)
    assert done.code == 4, done.err
    assert same(world, "client")
