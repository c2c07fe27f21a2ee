"""`index --engine` and `--shards` where there is no cluster to ask."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Shell


@pytest.mark.parametrize("engine", ["spark", "ray://", "ray://host", "ray://u:p@host:1", "Ray"])
def test_another_engine_is_refused(shell: Shell, engine: str) -> None:
    done = shell("index", ".", "--engine", engine)
    assert done.code == 2
    assert "local, ray, or ray://HOST:PORT is wanted" in done.err


def test_shards_are_for_a_cluster(shell: Shell) -> None:
    done = shell("index", ".", "--shards", "x")
    assert (done.code, done.err.strip()) == (2, "qembed: --shards goes with --engine ray")


def test_without_ray_the_message_names_the_extra(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qembed.engines.ray.cluster.find_spec", lambda _: None)
    done = shell("index", ".", "--engine", "ray")
    assert done.code == 2
    assert "pip install 'qembed-search[ray]'" in done.err
    assert not (shell.folder / ".qembed").exists()
