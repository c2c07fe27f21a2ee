"""Runs on a cluster, without Ray: what ends them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import _registry as registered

from qembed.engines.ray import cluster, coordinator
from qembed.engines.ray.coordinator import PoolWorker
from qembed.engines.ray.work import Outcome, Piece
from qembed.engines.shared_folder import SharedFolder
from qembed.errors import EngineError
from qembed.pipeline.indexing.distributed.encode_ahead import AheadRun
from qembed.pipeline.progress import Progress
from qembed.types import Document


class Elsewhere(MemoryFileSystem):
    """Bucket of a server that a machine alone sees."""

    protocol = "s3"

    def ls(self, *_: Any, **__: Any) -> list[str]:
        return []

    def pipe_file(self, *_: Any, **__: Any) -> None: ...


class Refusing(Elsewhere):
    """Bucket in which one may read only."""

    def pipe_file(self, *_: Any, **__: Any) -> None:
        raise PermissionError("Access Denied")


class Echo:
    """Worker whose output is its input."""

    def run(self, data: bytes) -> bytes:
        return data


@contextlib.contextmanager
def no_cluster(_: str) -> Iterator[Any]:
    yield SimpleNamespace(nodes=lambda: ["one"])


def run_here(
    ray: Any, pieces: Sequence[Piece], make: Any, folder: SharedFolder | None, stop: Any
) -> Iterator[Outcome]:
    """Run the pieces in this process, as a worker of a cluster does."""
    worker = PoolWorker(Echo, folder)
    found = worker({"name": [p.name for p in pieces], "data": [p.data for p in pieces]})
    for name, error in zip(found["name"], found["error"], strict=True):
        yield Outcome(name, "far", error=error)


@pytest.mark.parametrize(
    ("place", "store", "message"),
    [
        ("folder", Elsewhere, "--shards wants a folder that all machines share"),
        ("s3://help/x", Elsewhere, "the machines' environments name different servers"),
        ("s3://help/x", Refusing, "cannot write the encoded shards at s3://help/x: Access Denied"),
    ],
)
def test_a_folder_that_does_not_hold_what_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, store: type, message: str
) -> None:
    monkeypatch.setitem(registered, "s3", store)
    monkeypatch.setattr(cluster, "connected", no_cluster)
    monkeypatch.setattr(coordinator, "processes", lambda _: 1)
    monkeypatch.setattr(coordinator, "run_pieces", run_here)
    if place == "folder":
        place = str(tmp_path)
        monkeypatch.setattr(SharedFolder, "_write_plain", lambda *_: None)
    settings: Any = SimpleNamespace(recipe=SimpleNamespace(fingerprint="0a"), version="1")
    builder: Any = SimpleNamespace(chunker=SimpleNamespace(kind_of=lambda _: "text"))
    run = AheadRun("ray", place, True, settings, builder, Progress())
    with pytest.raises(EngineError) as raised:
        run.run([Document("a.txt", "words")])
    assert "far" in str(raised.value)
    assert message in str(raised.value)
