"""Vectors whose bytes are damaged so that no cosine comes of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cli.conftest import Shell


@pytest.fixture
def many(shell: Shell) -> Shell:
    for i in range(60):
        shell.write(f"docs/d{i}.txt", f"text page {i} of the manual")
    shell.old()
    assert shell("index", "docs").code == 0
    return shell


def damage(shell: Shell, name: str, value: float) -> None:
    """Set the numbers of one row that the query has."""
    (path,) = (shell.folder / ".qembed").glob(name)
    body = path.read_bytes()
    (matrix_path,) = (shell.folder / ".qembed/derived").glob("vectors-*.bin")
    rows = np.fromfile(matrix_path, dtype=np.float32).reshape(60, -1)
    wrong = np.where(rows[7] != 0, np.float32(value) * np.sign(rows[7]), rows[7])
    assert body.count(rows[7].tobytes()) == 1
    path.write_bytes(body.replace(rows[7].tobytes(), wrong.astype(np.float32).tobytes()))


@pytest.mark.parametrize("value", [1.8e33, np.inf])
@pytest.mark.slow
def test_a_damaged_matrix_is_left_for_the_shards(many: Shell, value: float) -> None:
    args = ["query", "page 7 manual", "--format", "jsonl", "-k", "60"]
    before = [(h["document"], h["score"]) for h in many(*args).lines]
    damage(many, "derived/vectors-*.bin", value)
    for _ in range(2):  # found, then known
        done = many(*args)
        assert done.code == 0, done.err
        assert [(h["document"], h["score"]) for h in done.lines] == before
    assert many("status", "--format", "json").json["damaged"] == ["vectors"]
    assert many("index").code == 0
    assert many("status", "--format", "json").json["damaged"] == []
    assert many("verify", "--no-model").code == 0


def test_damaged_vectors_of_a_shard_are_an_error(many: Shell) -> None:
    damage(many, "shards/*", 1.8e33)
    for path in (many.folder / ".qembed/derived").glob("*.json"):
        path.unlink()
    done = many("query", "page 7 manual", "--mode", "dense")
    assert done.code == 2
    assert "(qembed verify tells what is lost)" in done.err
