"""Addresses of Ray clusters: Ray waits for many minutes at one where nothing answers, qembed does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from qembed.engines.ray.cluster import cluster_address, connected
from qembed.errors import EngineError


@pytest.fixture
def answering() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_a_cluster_that_was_killed_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answering: str, silent: str
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    assert cluster_address("ray") is None
    (tmp_path / "ray").mkdir()
    kept = tmp_path / "ray" / "ray_current_cluster"
    kept.write_text(f"{silent}\n")
    assert cluster_address("ray") == "local"
    kept.write_text(answering)
    assert cluster_address("ray") is None


def test_a_cluster_that_is_asked_for_has_to_answer(
    monkeypatch: pytest.MonkeyPatch, answering: str, silent: str
) -> None:
    for address in (answering, f"ray://{answering}", "auto", "local"):
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert cluster_address("ray") is None
    assert cluster_address(f"ray://{answering}") == f"ray://{answering}"
    monkeypatch.setenv("RAY_ADDRESS", silent)
    with pytest.raises(EngineError, match=f"no cluster answers at {silent}: Connection refused"):
        cluster_address("ray")
    with pytest.raises(EngineError, match="no cluster answers at ray://127"):
        cluster_address(f"ray://{silent}")


SENT = """Initialization failure from server:
Traceback (most recent call last):
  File "proxier.py", line 772, in Datapath
    raise RuntimeError(
RuntimeError: {}
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reasons", "fails"),
    [
        (["Starting Ray client server failed. See a log."], None),
        (["psutil.ZombieProcess: a process", "Proxy failed to Connect to backend! …"], None),
        (["Proxy failed to Connect to backend! …"] * 3, "server: RuntimeError: Proxy"),
        (["something else"], "server: RuntimeError: something else"),
    ],
)
def test_a_client_server_that_did_not_start_is_asked_again(
    reasons: list[str], fails: str | None, monkeypatch: pytest.MonkeyPatch, answering: str
) -> None:
    ray = pytest.importorskip("ray")
    left = list(reasons)

    def init(**_: object) -> None:
        if left:
            raise ConnectionAbortedError(SENT.format(left.pop(0)))

    monkeypatch.setattr(ray, "init", init)
    if fails is None:
        with connected(f"ray://{answering}") as found:
            assert found is ray
    else:
        with (
            pytest.raises(EngineError, match=f"no cluster answers as wanted: .*{fails}"),
            connected(f"ray://{answering}"),
        ):
            pass
    assert not left
