"""`index --engine ray` on a cluster of two nodes: the same bytes as on one machine, and a resumed run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.ray.conftest import Cluster, content, corpus, index

pytestmark = pytest.mark.slow


def test_the_index_is_that_of_one_machine(cluster: Cluster, tmp_path: Path) -> None:
    corpus(tmp_path)
    here = index(None, tmp_path, "--index", "here")
    there = index(cluster, tmp_path, "--index", "there", "--engine", "ray")
    assert (here.code, there.code) == (4, 4), here.err + there.err
    assert "2 machines, 2 processes" in there.err
    assert content(tmp_path / "here") == content(tmp_path / "there")
    assert not (tmp_path / "there" / "encoded").exists()
