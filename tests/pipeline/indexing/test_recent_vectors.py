"""Vectors between two commits: as a dict keeps them, in a file as in memory."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qembed.errors import StorageError
from qembed.pipeline.indexing.encoding import recent_vectors
from qembed.pipeline.indexing.encoding.recent_vectors import RecentVectors

pytestmark = pytest.mark.slow

KEYS = st.binary(min_size=1, max_size=1)
STEPS = st.lists(st.one_of(st.none(), st.lists(KEYS, max_size=6)), max_size=12)


@pytest.mark.parametrize("in_memory", [1, 100, 1 << 20])
def test_it_is_a_dict(in_memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_vectors, "IN_MEMORY", in_memory)

    @given(steps=STEPS)
    def holds(steps: list[list[bytes] | None]) -> None:
        random = np.random.default_rng(7)
        known: dict[bytes, np.ndarray] = {}
        ours = RecentVectors(tmp_path, 5)
        for keys in steps:
            if keys is None:
                known.clear()
                ours.clear()
            else:
                vectors = random.normal(size=(len(keys), 5)).astype(np.float32)
                known.update(zip(keys, vectors, strict=True))
                ours.add(keys, vectors)
            for n in range(256):
                found, expected = ours.get(bytes([n])), known.get(bytes([n]))
                assert (found is None) == (expected is None)
                assert found is None or found.tobytes() == expected.tobytes()
        ours.clear()

    holds()
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_made_says_where(tmp_path: Path) -> None:
    ours = RecentVectors(tmp_path / "gone", 1024)
    ours.add([b"a"], np.ones((1, 1024), np.float32))
    many = np.ones((recent_vectors.IN_MEMORY // 4096, 1024), np.float32)
    with pytest.raises(StorageError, match="gone"):
        ours.add([b"%d" % n for n in range(len(many))], many)
