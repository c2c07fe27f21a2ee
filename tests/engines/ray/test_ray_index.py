"""`index --engine ray` on a cluster of two nodes: the same bytes as on one machine, and a resumed run."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.conftest import Shell
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


def test_sequences_and_pictures(cluster: Cluster, tmp_path: Path) -> None:
    """Sequences are cut and encoded there; of pictures the texts beside them are, they themselves here."""
    rng = random.Random(3)
    records = "".join(
        f">p{i} number {i}\n{''.join(rng.choices('ACDEFGHIKL', k=300))}\n" for i in range(60)
    )
    kinds = {
        "sequences": (["--alphabet", "protein", "--max-tokens", "16"], "py:tests.encoders:bag"),
        "pictures": (["--max-tokens", "16"], "py:tests.seeing:encoder"),
    }
    for name, (options, model) in kinds.items():
        folder = tmp_path / name
        (folder / "docs").mkdir(parents=True)
        if name == "sequences":
            (folder / "docs" / "a.fasta").write_text(records)
        else:
            (folder / "docs" / "a.txt").write_text("one two three four five six seven")
            (folder / "docs" / "a.html").write_text("<p>words</p><img src='red.png' alt='a door'>")
            for colour in ("red", "blue"):
                Image.new("RGB", (8, 8), colour).save(folder / "docs" / f"{colour}.png")
        for path in (folder / "docs").iterdir():
            os.utime(path, (1_600_000_000, 1_600_000_000))
        here = Shell(folder)("index", "docs", "--index", "here", *options, "--model", model)
        there = index(cluster, folder, "--index", "there", *options, "--engine", "ray", model=model)
        assert (here.code, there.code) == (0, 0), here.err + there.err
        assert content(folder / "here") == content(folder / "there")
