from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qembed.feedback.votes.vectors import (
    ALL,
    MOST_FILES,
    VotedVectors,
    forget_vectors,
)
from qembed.vectors import normalize

DIM = 100


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "feedback").mkdir()
    return tmp_path


def made(n: int, seed: int = 0, digest: str = "d") -> VotedVectors:
    vectors = normalize(np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32))
    return VotedVectors.of([f"frage {i} 退款" for i in range(n)], vectors, digest)


@pytest.mark.parametrize("n", [0, 1, 7, ALL + 500])
def test_what_is_written_is_read(root: Path, n: int) -> None:
    wrote = made(n)
    wrote.write(root, "f")
    found = VotedVectors.read(root, "f", DIM)
    assert found is not None
    assert list(found.keys) == list(wrote.keys)
    assert found.digest == "d"
    np.testing.assert_array_equal(found.vectors, wrote.vectors)
    assert found.vectors.ctypes.data % 4 == 0
    assert (root / "feedback/votes-f.vectors").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("n", [50, 5 * ALL])
def test_near_ones_are_those_of_exact_search(root: Path, n: int) -> None:
    """Also where signs choose which vectors are compared."""
    rng = np.random.default_rng(3)
    stored = made(n)
    stored.write(root, "f")
    found = VotedVectors.read(root, "f", DIM)
    assert found is not None
    for i in rng.choice(n, 40):
        noise = rng.normal(size=DIM) * rng.uniform(0, 0.06)
        vector = normalize((stored.vectors[i] + noise).astype(np.float32)[None])[0]
        cosines = stored.vectors @ vector
        wanted = np.flatnonzero(cosines >= 0.8)
        near = found.near(vector, 0.8)
        assert {key for key, _ in near} == {stored.keys[int(w)] for w in wanted}
        assert near == sorted(near, key=lambda pair: -pair[1])
        np.testing.assert_allclose(
            [c for _, c in near], np.sort(cosines[wanted])[::-1], rtol=0, atol=1e-6
        )


def test_a_file_that_is_not_whole_or_of_others_is_none(root: Path) -> None:
    assert VotedVectors.read(root, "f", DIM) is None
    made(5).write(root, "f")
    path = root / "feedback/votes-f.vectors"
    whole = path.read_bytes()
    assert VotedVectors.read(root, "g", DIM) is None
    assert VotedVectors.read(root, "f", DIM + 1) is None
    for cut in (b"", whole[:30], whole[:-1], whole + b"x", whole.replace(b'"v":1', b'"v":9')):
        path.write_bytes(cut)
        assert VotedVectors.read(root, "f", DIM) is None
    path.write_bytes(whole)
    path.rename(root / "feedback/votes-g.vectors")
    assert VotedVectors.read(root, "g", DIM) is None  # it says whose it is


def test_few_files_are_kept_and_all_are_forgotten(root: Path) -> None:
    for i in range(MOST_FILES + 3):
        made(2, i).write(root, f"frame{i}")
    kept = sorted(p.name for p in (root / "feedback").iterdir())
    assert len(kept) == MOST_FILES
    assert f"votes-frame{MOST_FILES + 2}.vectors" in kept
    forget_vectors(root)
    assert list((root / "feedback").iterdir()) == []
